import { readFileSync } from 'node:fs';

/**
 * What making, running and ending a sandbox asks of the kernel, by the bit of capabilities(7). Each was taken away and seen
 * to be missed (tests/deployment/rights.test.ts).
 */
const needed: readonly (readonly [name: string, bit: number])[] = [
  ['CAP_CHOWN', 0], // pipes, cgroup.procs and new files become the mapped user's
  ['CAP_DAC_OVERRIDE', 1], // roots, cgroups and directories of other owners
  ['CAP_FOWNER', 3], // modes of what belongs to a mapped user
  ['CAP_KILL', 5], // programs of users that are not ours
  ['CAP_SETGID', 6], // becoming root of a user namespace, files made as their owner
  ['CAP_SETUID', 7],
  ['CAP_NET_ADMIN', 12], // the loopback of a sandbox; network slots and their rules
  ['CAP_SYS_PTRACE', 19], // opening the user namespace of another process
  ['CAP_SYS_ADMIN', 21], // mounts and namespaces
  ['CAP_MKNOD', 27], // /dev of the sandboxes
];

export const neededCapabilities: readonly string[] = needed.map(([name]) => name);

/** Those that this process does not have in force. @param status text in place of `/proc/self/status` */
export function missingCapabilities(status: string = readFileSync('/proc/self/status', 'latin1')): string[] {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return needed.filter(([, bit]) => (effective & (1n << BigInt(bit))) === 0n).map(([name]) => name);
}
