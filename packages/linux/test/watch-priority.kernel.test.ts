import { mkdtempSync, readFileSync, readSync, rmdirSync, statfsSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  closeFd,
  currentDirectory,
  makePipe,
  OpenFlag,
  openat2,
  reap,
  spawnIsolated,
  watchPriority,
  watchReadable,
} from '../src/index.ts';
import { compileStaticProgram } from './static-program.ts';

const CGROUP2_MAGIC = 0x63677270;
const program = compileStaticProgram('wait-for-input');
const mount = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find((path) => {
  try {
    return statfsSync(path).type === CGROUP2_MAGIC;
  } catch {
    return false;
  }
});
if (mount === undefined)
  throw new Error('these tests need cgroup v2 mounted at /sys/fs/cgroup or /sys/fs/cgroup/unified');

let group: string;
let directoryFd: number;
let events: number;

beforeAll(() => {
  group = mkdtempSync(`${mount}/hatchery-linux-`);
  directoryFd = openat2(currentDirectory, group, { flags: OpenFlag.O_RDONLY | OpenFlag.O_DIRECTORY });
  events = openat2(directoryFd, 'cgroup.events', { flags: OpenFlag.O_RDONLY });
});
afterAll(() => {
  closeFd(events);
  closeFd(directoryFd);
  rmdirSync(group);
});

function populated(): boolean {
  const bytes = Buffer.alloc(256);
  return /^populated 1$/m.test(bytes.toString('latin1', 0, readSync(events, bytes, 0, 256, 0)));
}

test('a child is born in the cgroup, and both changes of cgroup.events are told', async () => {
  expect(populated()).toBe(false);
  let changed = Promise.withResolvers<void>();
  const watch = watchPriority(events, () => changed.resolve());
  const until = async (wanted: boolean) => {
    while (populated() !== wanted) {
      await changed.promise;
      changed = Promise.withResolvers();
    }
  };
  const executableFd = openat2(currentDirectory, program, { flags: OpenFlag.O_RDONLY });
  const [stdin, stdinWriter] = makePipe();
  const [stdout, stdoutWriter] = makePipe();
  const { pid, pidfd } = spawnIsolated({
    executableFd,
    argv: ['x'],
    fds: [stdin, stdoutWriter],
    cgroupFd: directoryFd,
  });
  await until(true);
  expect(readFileSync(`${group}/cgroup.procs`, 'utf8')).toBe(`${pid}\n`);
  closeFd(stdinWriter);
  await until(false);
  await new Promise<void>((resolve) => watchReadable(pidfd, resolve));
  expect(reap(pidfd)).toEqual({ code: 7, signal: null });
  watch[Symbol.dispose]();
  for (const fd of [executableFd, stdin, stdout, stdoutWriter, pidfd]) closeFd(fd);
});

// Mutation: without the read in on_priority the callback comes at every turn of the loop for ever.
test('a callback that does not read the file is called once for one change', async () => {
  const [readEnd, writeEnd] = makePipe();
  let calls = 0;
  const first = Promise.withResolvers<void>();
  const watch = watchPriority(events, () => {
    calls++;
    first.resolve();
  });
  writeFileSync(`${group}/cgroup.freeze`, '1');
  await first.promise;
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
  expect(calls).toBe(1);
  watch[Symbol.dispose]();
  writeFileSync(`${group}/cgroup.freeze`, '0');
  closeFd(readEnd);
  closeFd(writeEnd);
});
