import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { expect, test } from 'vitest';
import {
  closeFd,
  currentDirectory,
  makePipe,
  OpenFlag,
  openat2,
  openPidfd,
  reap,
  sendSignal,
  spawnIsolated,
  watchReadable,
} from '../src/index.ts';
import { compileStaticProgram } from './static-program.ts';

const program = compileStaticProgram('wait-for-input');

async function start() {
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  await once(child.stdout, 'data');
  return { child, exited, pidfd: openPidfd(child.pid ?? 0) };
}

test('a signal reaches the process, and none is sent to one that is gone', async () => {
  const { exited, pidfd } = await start();
  expect(sendSignal(pidfd, 0)).toBe(true);
  expect(sendSignal(pidfd, constants.signals.SIGKILL)).toBe(true);
  expect((await exited)[1]).toBe('SIGKILL');
  expect(sendSignal(pidfd, 0)).toBe(false);
  closeFd(pidfd);
});

// Mutation: with the watch on POLLPRI instead of POLLIN the callback never comes.
test('inv-20: an exit is an event of the pidfd, once, also while nobody has reaped the process', async () => {
  const executableFd = openat2(currentDirectory, program, { flags: OpenFlag.O_RDONLY });
  const [stdin, stdinWriter] = makePipe();
  const [stdout, stdoutWriter] = makePipe();
  const { pidfd } = spawnIsolated({ executableFd, argv: ['x'], fds: [stdin, stdoutWriter] });
  let calls = 0;
  const noticed = new Promise<void>((resolve) =>
    watchReadable(pidfd, () => {
      calls++;
      resolve();
    }),
  );
  // Not yet: the process lives until its input ends.
  await new Promise((resolve) => setImmediate(resolve));
  expect(calls).toBe(0);
  expect(reap(pidfd)).toBeNull();
  closeFd(stdinWriter);
  await noticed;
  await new Promise((resolve) => setImmediate(resolve));
  expect(calls).toBe(1);
  expect(reap(pidfd)).toEqual({ code: 7, signal: null });
  for (const fd of [executableFd, stdin, stdout, stdoutWriter, pidfd]) closeFd(fd);
});

test('reaping a process that still lives, or is nobody’s child here, tells nothing', async () => {
  const { child, exited, pidfd } = await start();
  expect(reap(pidfd)).toBeNull();
  child.stdin.end();
  await exited;
  expect(reap(pidfd)).toBeNull();
  closeFd(pidfd);
});

test.each([0, -1])('%d names no process', (pid) => {
  expect(() => openPidfd(pid)).toThrow(expect.objectContaining({ code: 'EINVAL', syscall: 'pidfd_open' }));
});
