import { expect, test } from 'vitest';
import type { Sandbox } from '../src/index.ts';
import { tracedCalls } from './main-thread-calls.ts';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();

async function crowd(): Promise<Sandbox[]> {
  const sandboxes = await Promise.all([
    used.runtime.create({ root: 'disk' }),
    ...Array.from({ length: 24 }, () => used.runtime.create()),
  ]);
  for (const sandbox of sandboxes) await sandbox.exec(['sleep', 'infinity']);
  const [onDisk, full, paused] = sandboxes;
  for (const sandbox of [onDisk, full])
    if (sandbox !== undefined) await shell(sandbox, 'for i in $(seq 1000); do echo > /tmp/$i; done');
  await paused?.pause();
  return sandboxes;
}

// Mutations: RangePool's release() also unlinks; handOverRoot() closes the descriptor of the root itself; the job is done
// by @hatchery/linux's releaseSandbox() at once. How long the loop is kept waiting all the same: bench/loop-delay.ts.
test('inv-34: while sandboxes in memory and on disk, busy and paused, are torn down at once the main thread makes no call that could wait', {
  timeout: 60_000,
}, async () => {
  const sandboxes = await crowd();
  const { main, others } = await tracedCalls(() => Promise.all(sandboxes.map((sandbox) => sandbox.destroy())));
  expect(main).toEqual([]);
  // The work was there to be seen.
  expect(others.filter((line) => line.includes('unlinkat(')).length).toBeGreaterThan(sandboxes.length);
});
