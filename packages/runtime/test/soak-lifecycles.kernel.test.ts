import { expect, test } from 'vitest';
import { soakLifecycles } from './soak-lifecycles.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();

// `npm run soak -- lifecycles` does ten thousand. Mutation: a lease is not released.
test('inv-45: cycles of create, pause, resume and destroy with parts killed at random leave nothing', {
  timeout: 120_000,
}, async () => {
  const { runtime, place } = used;
  await (await runtime.create()).destroy();
  const before = used.counts();
  const { wrong, kills } = await soakLifecycles(runtime, { cycles: 200, seed: 20_261, instance: place.instance });
  expect(wrong).toEqual([]);
  expect(kills.init).toBeGreaterThan(0);
  expect(runtime.list()).toEqual([]);
  expect((await runtime.census()).leaks).toEqual([]);
  await expect.poll(() => used.counts(), { timeout: 10_000 }).toEqual(before);
});
