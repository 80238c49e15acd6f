import { describe, expect, test } from 'vitest';
import { soakExecutions } from './soak-executions.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();

describe('executions under races', () => {
  // Mutation: told() publishes the forced reason; takePending() left out of #settle.
  // The long form is `npm run soak -- N`.
  test('inv-8, inv-9, inv-11: 2000 with random kills, aborts, closed streams and destroys: no exit lost, double or wrong', async () => {
    const result = await soakExecutions(used.runtime, { executions: 2000, seed: Date.now() });
    expect(result.wrong).toEqual([]);
    expect(result.exits).toBe(2000);
  }, 120_000);
});
