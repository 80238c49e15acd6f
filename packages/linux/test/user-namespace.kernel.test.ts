import { closeSync, openSync, readlinkSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { closeFd, openPidfd, registeredFds } from '../src/index.ts';
import { userNamespaceByPath, userNamespaceOf } from '../src/user-namespace.ts';
import { type Inhabitant, inhabit } from './user-namespace-inhabitant.ts';

let inhabitant: Inhabitant | undefined;

beforeEach(async (context) => {
  if (process.getuid?.() !== 0) context.skip('needs root, to map a user namespace');
  inhabitant = await inhabit(100_000);
});
afterEach(async () => {
  await inhabitant?.end();
  expect(registeredFds()).toEqual([]);
});

// Mutation: the fallback opens `ns/pid`.
test.each([userNamespaceOf, userNamespaceByPath])('%o opens the user namespace that a process is in', (open) => {
  const pidfd = openPidfd(inhabitant?.pid ?? 0);
  const fd = open(pidfd);
  expect(readlinkSync(`/proc/self/fd/${fd}`)).toBe(readlinkSync(`/proc/${inhabitant?.pid}/ns/user`));
  expect(readlinkSync(`/proc/self/fd/${fd}`)).not.toBe(readlinkSync('/proc/self/ns/user'));
  for (const open of [fd, pidfd]) closeFd(open);
});

// Mutation: `pid <= 0` goes on to /proc/-1: ENOENT.
test.each([userNamespaceOf, userNamespaceByPath])(
  '%o of a process that has ended is ESRCH, and no descriptor of it is open',
  async (open) => {
    const pidfd = openPidfd(inhabitant?.pid ?? 0);
    await inhabitant?.end();
    expect(() => open(pidfd)).toThrow(expect.objectContaining({ name: 'LinuxError', code: 'ESRCH' }));
    closeFd(pidfd);
  },
);

test.each([userNamespaceOf, userNamespaceByPath])('%o of what is no pidfd is refused', (open) => {
  const fd = openSync('/dev/null', 'r');
  expect(() => open(fd)).toThrow(expect.objectContaining({ name: 'LinuxError', code: 'EINVAL' }));
  closeSync(fd);
});
