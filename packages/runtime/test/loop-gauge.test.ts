import { expect, onTestFinished, test, vi } from 'vitest';
import { type GaugeOptions, LoopGauge } from '../src/loop-delay/loop-gauge.ts';
import { inSection } from '../src/loop-delay/section.ts';
import { Stretches } from '../src/loop-delay/stretches.ts';
import { block, logged } from './logged.ts';

async function newGauge(
  options: Partial<GaugeOptions> = {},
): Promise<{ gauge: LoopGauge } & ReturnType<typeof logged>> {
  const log = logged();
  const gauge = new LoopGauge({ budgetMs: 100, logger: log.logger, ...options });
  onTestFinished(() => gauge[Symbol.dispose]());
  // Its timer has come round twice: what holds the loop up from now on is seen whoever it is.
  await vi.waitUntil(() => gauge.read().p99Ms > 0, { interval: 5, timeout: 10_000 });
  return { gauge, ...log };
}

/** As a callback of the event loop: in a turn of its own, with nothing of the test's around it. */
const inATurn = (act: () => void): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(() => {
      act();
      resolve();
    });
  });

// Mutation, in turn: sections are not listened to; their names are not kept; sections inside are counted twice ('outer' is named).
test('a section that holds the loop up is named with its own time, those around it are not', async () => {
  const { gauge } = await newGauge();
  expect(gauge.read().longest).toBeNull();
  await inATurn(() =>
    inSection('outer', () => {
      block(20);
      inSection('inner', () => block(300));
    }),
  );
  const { maxMs, longest } = gauge.read();
  expect(longest?.name).toBe('inner');
  expect(longest?.ms).toBeGreaterThanOrEqual(300);
  expect(maxMs).toBeGreaterThanOrEqual(300);
});

// Mutation: a stretch is a single section: 'outside hatchery' is named.
test('many short sections in one turn are added up by their name', async () => {
  const { gauge } = await newGauge();
  await inATurn(() => {
    for (let time = 0; time < 60; time++) inSection(time % 3 === 0 ? 'seldom' : 'often', () => block(5));
  });
  const { longest } = gauge.read();
  expect(longest?.name).toBe('often');
  expect(longest?.ms).toBeGreaterThanOrEqual(200);
});

// Mutation: what no section explains is not looked at: null, or the short section is named.
test("what is not ours is named 'outside hatchery', although ours ran in the same turn", async () => {
  const { gauge } = await newGauge();
  await inATurn(() => {
    inSection('ours', () => block(20));
    block(300);
  });
  await vi.waitUntil(() => gauge.read().maxMs > 200, { interval: 5, timeout: 10_000 });
  const { longest } = gauge.read();
  expect(longest?.name).toBe('outside hatchery');
  expect(longest?.ms).toBeGreaterThanOrEqual(200);
});

// Mutation, in turn: the window is not reset (the second line tells the first delay again); the rest is not told at the end.
test('a delay over the budget is logged with its blocker once an interval, and what is left at the end', async () => {
  const { gauge, lines } = await newGauge({ reportEveryMs: 1000 });
  for (const ms of [150, 250]) await inATurn(() => inSection('ours', () => block(ms)));
  await vi.waitUntil(() => lines.length > 0, { interval: 5, timeout: 10_000 });
  const [line] = lines.splice(0);
  expect(line).toMatchObject({ level: 'warn', context: { blocker: 'ours', budgetMs: 100 } });
  expect(line?.context['delayMs']).toBeGreaterThanOrEqual(240);
  expect(line?.message).toMatch(/^the event loop was held up for \d+ ms, longest by: ours$/);
  await inATurn(() => inSection('last', () => block(150)));
  gauge[Symbol.dispose]();
  expect(lines.map(({ context }) => context['blocker'])).toEqual(['last']);
});

// Mutation, in turn: a gauge without a budget logs; what is within the budget is logged.
test.each([null, 60_000])(
  'with a budget of %s nothing is logged, and the figures are there all the same',
  async (budgetMs) => {
    const { gauge, lines } = await newGauge({ budgetMs });
    await inATurn(() => inSection('ours', () => block(150)));
    gauge[Symbol.dispose]();
    expect(gauge.read().longest).toMatchObject({ name: 'ours' });
    expect(lines).toEqual([]);
  },
);

// Mutation: dispose leaves the listener.
test('a gauge that is disposed of is told of no section any more', async () => {
  const { gauge } = await newGauge();
  gauge[Symbol.dispose]();
  const before = gauge.read();
  await inATurn(() => inSection('late', () => block(50)));
  expect(gauge.read()).toEqual(before);
});

// Mutation, in turn: a tick does not end the stretch; the running one is not looked at.
test('a stretch ends with a tick of the loop; the worst is kept, the running one counts', () => {
  let tick = 1;
  const stretches = new Stretches(() => tick);
  stretches.add('a', 30);
  stretches.add('b', 20);
  tick = 2;
  stretches.add('b', 40);
  expect(stretches.worst).toEqual({ totalMs: 50, blocker: { name: 'a', ms: 30 } });
  stretches.add('c', 15);
  expect(stretches.worst).toEqual({ totalMs: 55, blocker: { name: 'b', ms: 40 } });
  stretches.forget();
  expect(stretches.worst.totalMs).toBe(0);
});

test('a section gives what its work returns or throws, and measures it either way', () => {
  const measured: number[] = [];
  const keep = (ms: number): void => void measured.push(ms);
  expect(inSection('value', () => 7, keep)).toBe(7);
  const fault = new Error('its own');
  const fail = (): never => {
    throw fault;
  };
  expect(() => inSection('throws', fail, keep)).toThrow(fault);
  expect(measured).toHaveLength(2);
});
