import { once } from 'node:events';
import { expect, test } from 'vitest';
import { useHostileRuntime } from './hostile-runtime.ts';

const hostile = useHostileRuntime();

/** 32 that count and 32 that give their turn away, until they are ended. */
const storm = `
import os
for number in range(64):
  if os.fork() == 0:
    while True:
      if number % 2: os.sched_yield()
print('all', flush=True)
os.wait()`;

// Mutation seen red: setLimits() writes no processor limit: they take both of two.
test('R15: 64 busy loops, half of them yielding, have the processor time of their sandbox and no more, and a neighbour’s commands run', async () => {
  await using noisy = await hostile.create({ image: 'host', limits: { cpus: 0.5, pids: 128 } });
  await using neighbour = await hostile.create({ image: 'host' });
  const loops = await noisy.exec(['python3', '-c', storm]);
  await once(loops.stdout, 'data');
  const before = (await noisy.stats()).cpuMs ?? Number.NaN;
  const began = performance.now();
  // Many periods of the quota, of 100 ms each: in one alone a sandbox may have what another one left.
  while (performance.now() - began < 3000) expect((await neighbour.run(['true'])).exitCode).toBe(0);
  const usedMs = ((await noisy.stats()).cpuMs ?? Number.NaN) - before;
  const share = usedMs / (performance.now() - began);
  expect(share).toBeGreaterThan(0.05);
  expect(share).toBeLessThan(0.65);
  await loops.kill();
});
