import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { useHostileRuntime } from './hostile-runtime.ts';
import { filesOf, naiveFiles } from './raced-files.ts';
import { recordOf } from './record-of.ts';
import { expectedErrors } from './soak-swaps.ts';
import { raceOperations } from './swap-attempts.ts';
import { raceSwaps } from './swap-race.ts';

const hostile = useHostileRuntime();
/** A million of each: npm run soak -- swaps. */
const swaps = 40_000;

// Mutation: IN_ROOT of walk.ts without Resolve.inRoot: every one red.
describe.each(raceOperations)(
  'F01, N17: %s while a directory, a file and links to the host change places',
  (operation) => {
    test('inv-56: never leaves the root, and what it meets is a result or a typed error', {
      timeout: 120_000,
    }, async () => {
      // How many calls fit beside the swaps of one race is the scheduler's: of the slowest, an extract, 9 on a busy machine.
      for (let calls = 0; calls <= 20; ) {
        await using sandbox = await hostile.create();
        const outside = join(hostile.directory, `outside-${operation}`);
        const race = { sandbox, files: filesOf(sandbox), operation, swaps, outside };
        const { escapes, errors, ...done } = await raceSwaps(race);
        expect(escapes).toEqual([]);
        expect(done).toMatchObject({ swaps });
        expect(Object.keys(errors).filter((name) => !expectedErrors.test(name))).toEqual([]);
        expect(sandbox.state).toBe('running');
        calls += done.calls;
      }
    });

    test('leaves it in the naive form of the same calls, so that this race could be lost', {
      timeout: 120_000,
    }, async () => {
      await using sandbox = await hostile.create();
      const outside = join(hostile.directory, `naive-${operation}`);
      const files = naiveFiles(recordOf(hostile.scope, sandbox).initPid);
      const { escapes } = await raceSwaps({ sandbox, files, operation, swaps: 0, outside, untilEscape: true });
      expect(escapes).not.toEqual([]);
    });
  },
);
