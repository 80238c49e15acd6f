import { expect, test, vi } from 'vitest';
import { Runtime } from '../src/index.ts';
import { descriptorsOf, zygoteOf } from './host-view.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();
const cycles = 1000;
const width = 8;

// Mutation, in turn: 'remove the cgroups' or the closing of init's pidfd left out of the teardown.
test(`inv-45: after 100 creates at once and ${cycles} create-run-destroy cycles every count is back where it started`, async () => {
  const { runtime } = used;
  // What is made once and kept (the image, a first network namespace, the worker threads) is not a sandbox's.
  const first = await Promise.all(Array.from({ length: width }, () => runtime.create()));
  await Promise.all(first.map((sandbox) => sandbox.destroy()));
  await runtime.waitForLifecycles();
  const counts = used.counts();
  const before = { ...counts, zygoteDescriptors: descriptorsOf(zygoteOf(used.place.instance)).length };

  const many = await Promise.all(Array.from({ length: 100 }, () => runtime.create()));
  const peak = used.counts();
  expect(peak['cgroups']).toBeGreaterThanOrEqual((counts['cgroups'] ?? 0) + 300);
  expect(runtime.list()).toHaveLength(100);
  const codes = await Promise.all(many.map((sandbox, index) => sandbox.run(['sh', '-c', `exit ${index}`])));
  expect(codes.map(({ exitCode }) => exitCode)).toEqual(many.map((_, index) => index));
  await Promise.all(many.map((sandbox) => sandbox.destroy()));
  const between = used.counts();

  let left = cycles;
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const sandbox = await runtime.create();
      const { exitCode } = await sandbox.run(['true']);
      expect(exitCode).toBe(0);
      await sandbox.destroy();
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  const after = { ...used.counts(), zygoteDescriptors: descriptorsOf(zygoteOf(used.place.instance)).length };
  console.log('counts', { before, peak, between, after });
  expect(runtime.list()).toEqual([]);
  await vi.waitFor(() => expect(used.counts()).toEqual(counts), { timeout: 10_000 });
  // It keeps a user namespace for each id range that it has met lately: the first hundred's, and none for later cycles.
  expect(after.zygoteDescriptors).toBeLessThanOrEqual(before.zygoteDescriptors + 128);
}, 120_000);

// Mutation: close() leaves out `await context.zygotes.close()`.
test('inv-45: 20 runtimes opened and closed, half of them with a sandbox, leave this process as it was', async () => {
  const { runDirectory, dataDirectory } = used.place;
  const before = used.counts();
  for (let round = 0; round < 20; round++) {
    const runtime = await Runtime.open({ runDirectory, dataDirectory });
    if (round % 2 === 0) await runtime.create();
    await runtime.close();
  }
  await vi.waitFor(() => expect(used.counts()).toEqual(before), { timeout: 10_000 });
});
