import { expect, it } from 'vitest';
import { UsageHistory, type UsageSample } from '../../src/e2b/hosted/usage-history.ts';

const sample = (at: number): UsageSample => ({
  at,
  cpuUsedPct: at / 2,
  memUsed: at + 1,
  memCache: undefined,
  diskUsed: at + 2,
  diskTotal: at + 3,
});

it('a history gives back what it was given, in order, and knows what was not counted', () => {
  const history = new UsageHistory();
  expect([history.newest, history.all()]).toEqual([null, []]);
  for (let at = 0; at < 40; at++) history.add(sample(at));
  expect(history.newest).toEqual(sample(39));
  expect(history.all()).toEqual(Array.from({ length: 40 }, (_, at) => sample(at)));
});

it('a history keeps an hour of samples and no more', () => {
  const history = new UsageHistory();
  for (let at = 0; at < 2000; at++) history.add(sample(at));
  expect(history.all()).toEqual(Array.from({ length: 720 }, (_, index) => sample(1280 + index)));
  expect(history.newest).toEqual(sample(1999));
});
