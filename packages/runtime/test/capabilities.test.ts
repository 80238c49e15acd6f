import { expect, test } from 'vitest';
import { missingCapabilities, neededCapabilities } from '../src/open/capabilities.ts';

// The numbers of include/uapi/linux/capability.h. Mutation: a bit that is another one's.
const bits: Readonly<Record<string, number>> = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_FOWNER: 3,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_NET_ADMIN: 12,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_MKNOD: 27,
};
const everything = (1n << 41n) - 1n;
const status = (mask: bigint): string =>
  `Name:\tnode\nCapPrm:\t${'f'.repeat(16)}\nCapEff:\t${mask.toString(16).padStart(16, '0')}\nCapBnd:\t${'f'.repeat(16)}\n`;

test('what is in force counts, each capability by its own bit', () => {
  expect(missingCapabilities(status(everything))).toEqual([]);
  expect(missingCapabilities(status(0n))).toEqual(neededCapabilities);
  for (const name of neededCapabilities)
    expect(missingCapabilities(status(everything & ~(1n << BigInt(bits[name] ?? -1))))).toEqual([name]);
});

test('a status that cannot be read grants nothing', () => {
  expect(missingCapabilities('')).toEqual(neededCapabilities);
});
