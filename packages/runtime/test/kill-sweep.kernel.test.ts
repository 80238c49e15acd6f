import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { isOnSlot, isSwept, sweep, sweptOperations, sweptRoles } from './kill-sweep.ts';

const hasStrace = spawnSync('strace', ['-V']).status === 0;

// `npm run sweep` does it at each system call. Mutation: the record of the intent written behind `make`; the lock of the
// id left out of the adoption; the cgroup's `frozen` not looked at.
describe('inv-65, inv-70: killed at any system call of an operation, one restart leaves stable states and no leak', () => {
  for (const operation of sweptOperations) {
    for (const role of sweptRoles) {
      if (!isSwept(operation, role)) continue;
      test(`${role} in ${operation}`, { timeout: 120_000 }, async (context) => {
        if (!hasStrace) context.skip('strace is not installed');
        let points = 0;
        // A prime stride, so that it does not fall into step with the calls of a loop.
        // A made-up host is two processes more for each point.
        const most = isOnSlot(operation) ? 14 : 27;
        for await (const { killed, wrong, call } of sweep(operation, role, { step: 13, most })) {
          expect({ call, wrong }).toEqual({ call, wrong: null });
          points += Number(killed);
        }
        expect(points).toBeGreaterThan(role === 'init' ? -1 : 0);
      });
    }
  }
});
