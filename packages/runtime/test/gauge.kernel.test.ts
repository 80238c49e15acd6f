import { expect, test, vi } from 'vitest';
import { Runtime } from '../src/index.ts';
import { block, logged } from './logged.ts';
import { usePlace } from './use-runtime.ts';

const place = usePlace();

// Mutation, in turn: subscribers are no sections; the gauge is not closed with the runtime (its last line is missing).
test('inv-34: a runtime tells how late its loop is and names who held it up, in its log too', async () => {
  const { logger, lines } = logged();
  const { runDirectory, dataDirectory } = place;
  const runtime = await Runtime.open({ runDirectory, dataDirectory, logger, loopBudgetMs: 300 });
  runtime.subscribe({ name: 'routes', onInsert: () => block(900) });
  await runtime.create();
  await vi.waitUntil(() => runtime.loopDelay().p99Ms > 0, { timeout: 10_000 });
  const { p50Ms, p99Ms, maxMs, longest } = runtime.loopDelay();
  expect(longest?.name).toBe('subscriber routes');
  expect(maxMs).toBeGreaterThanOrEqual(890);
  expect([p50Ms <= p99Ms, p99Ms <= maxMs]).toEqual([true, true]);
  await runtime.close();
  expect(
    lines.filter(({ message }) => message.startsWith('the event loop')).map(({ context }) => context),
  ).toContainEqual(expect.objectContaining({ blocker: 'subscriber routes', budgetMs: 300 }));
  // Figures stay; nobody measures any more.
  const after = runtime.loopDelay();
  await new Promise((resolve) => setImmediate(resolve));
  expect(runtime.loopDelay()).toEqual(after);
});

// Mutation: the default is taken whatever NODE_ENV is.
test('in production nothing is logged unless a budget is given, elsewhere it is', async () => {
  const { runDirectory, dataDirectory } = place;
  const named: unknown[] = [];
  for (const environment of ['production', 'development']) {
    vi.stubEnv('NODE_ENV', environment);
    const { logger, lines } = logged();
    const runtime = await Runtime.open({ runDirectory, dataDirectory, logger });
    runtime.subscribe({ name: 'slow', onInsert: () => block(500) });
    await runtime.create();
    await runtime.close();
    named.push(lines.some(({ context }) => context['blocker'] === 'subscriber slow'));
  }
  vi.unstubAllEnvs();
  expect(named).toEqual([false, true]);
  await expect(Runtime.open({ runDirectory, dataDirectory, loopBudgetMs: 0 })).rejects.toThrow(/loopBudgetMs/);
});
