import { readdirSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  closeFd,
  createSealedMemfd,
  currentDirectory,
  makePipe,
  OpenFlag,
  openat2,
  reap,
  releaseFd,
  spawnIsolated,
  watchReadable,
} from '../src/index.ts';
import { openDescriptors } from './open-descriptors.ts';
import { compileStaticProgram } from './static-program.ts';

const program = compileStaticProgram('report-inheritance');
let executableFd: number;
let nothing: number;

beforeAll(() => {
  executableFd = createSealedMemfd('report', readFileSync(program), { executable: true });
  nothing = openat2(currentDirectory, '/dev/null', { flags: OpenFlag.O_RDWR });
});
afterAll(() => {
  closeFd(executableFd);
  closeFd(nothing);
});

async function run(argv: string[], fds: (stdout: number) => number[]) {
  const [readEnd, writeEnd] = makePipe();
  const { pidfd } = spawnIsolated({ executableFd, argv, fds: fds(writeEnd) });
  closeFd(writeEnd);
  const output = await text(new Socket({ fd: releaseFd(readEnd), readable: true }));
  await new Promise<void>((resolve) => watchReadable(pidfd, resolve));
  const status = reap(pidfd);
  expect(reap(pidfd)).toBeNull();
  closeFd(pidfd);
  return { lines: output.trimEnd().split('\n'), status };
}

// Mutation: without the rt_sigaction loop SigIgn shows SIGPIPE, which Node ignores; without rt_sigprocmask SigBlk is full.
test('inv-23: a child gets its descriptors, no environment, no blocked, ignored or caught signal', async () => {
  process.env.HATCHERY_TEST_CONTROL = 'secret';
  const { lines, status } = await run(['report', 'a b', '3'], (stdout) => [nothing, stdout, nothing]);
  delete process.env.HATCHERY_TEST_CONTROL;
  expect(lines).toEqual([
    'fds 0 1 2',
    'environment 0',
    'argv report a b 3',
    'SigBlk:\t0000000000000000',
    'SigIgn:\t0000000000000000',
    'SigCgt:\t0000000000000000',
  ]);
  expect(status).toEqual({ code: 3, signal: null });
});

test('a descriptor may be its own target, be swapped with another or be given twice', async () => {
  const { lines } = await run(['report'], (stdout) => [2, stdout, 1, stdout, 0]);
  expect(lines[0]).toBe('fds 0 1 2 3 4');
});

test('a signal that ended the child is told as one', async () => {
  const [readEnd, writeEnd] = makePipe();
  closeFd(readEnd);
  // Its output has no reader, and SIGPIPE is not ignored in it.
  const { pidfd } = spawnIsolated({ executableFd, argv: ['report'], fds: [nothing, writeEnd, nothing] });
  closeFd(writeEnd);
  await new Promise<void>((resolve) => watchReadable(pidfd, resolve));
  expect(reap(pidfd)).toEqual({ code: null, signal: constants.signals.SIGPIPE });
  closeFd(pidfd);
});

// Mutation: without closing the pidfd of a failed start a thousand descriptors stay; without waitid, as many zombies.
test('inv-26: a thousand failed spawns name their step and leave no descriptor and no process', () => {
  const noProgram = createSealedMemfd('text', Buffer.from('no program'), { executable: true });
  const before = openDescriptors();
  for (let i = 0; i < 500; i++) {
    expect(() => spawnIsolated({ executableFd: noProgram, argv: ['x'], fds: [0, 1, 2] })).toThrow(
      expect.objectContaining({ code: 'ENOEXEC', syscall: 'execveat' }),
    );
    expect(() => spawnIsolated({ executableFd, argv: ['x'], fds: [1_000_000] })).toThrow(
      expect.objectContaining({ code: 'EBADF', syscall: 'fcntl(F_DUPFD_CLOEXEC)' }),
    );
  }
  expect(openDescriptors()).toEqual(before);
  expect(zombieChildren()).toEqual([]);
  closeFd(noProgram);
});

test('a cgroup that is none is refused by clone3', () => {
  const spawn = () => spawnIsolated({ executableFd, argv: ['x'], fds: [], cgroupFd: nothing });
  expect(spawn).toThrow(expect.objectContaining({ code: 'EBADF', syscall: 'clone3' }));
});

test('an argument with a NUL byte is refused, never cut', () => {
  const spawn = () => spawnIsolated({ executableFd, argv: ['x', 'a\0b'], fds: [] });
  expect(spawn).toThrow(expect.objectContaining({ code: 'EINVAL' }));
});

function zombieChildren(): string[] {
  const threads = readdirSync('/proc/self/task');
  const children = threads.flatMap((thread) =>
    readFileSync(`/proc/self/task/${thread}/children`, 'utf8').trim().split(' ').filter(Boolean),
  );
  return children.filter((pid) => /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')));
}
