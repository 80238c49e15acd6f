import { onTestFinished, vi } from 'vitest';

/** From now until the test ends: the timers that were set and neither cleared nor gone off, by their delay. */
export function pendingTimers(): () => number[] {
  const pending = new Map<unknown, number>();
  const real = { setTimeout, setInterval, clearTimeout, clearInterval };
  const set = vi.spyOn(globalThis, 'setTimeout').mockImplementation((act: () => void, delay = 0) => {
    const timer = real.setTimeout(() => {
      pending.delete(timer);
      act();
    }, delay);
    pending.set(timer, delay);
    return timer;
  });
  const repeat = vi.spyOn(globalThis, 'setInterval').mockImplementation((act: () => void, delay = 0) => {
    const timer = real.setInterval(act, delay);
    pending.set(timer, delay);
    return timer;
  });
  const clear = (['clearTimeout', 'clearInterval'] as const).map((name) =>
    vi.spyOn(globalThis, name).mockImplementation((timer) => {
      pending.delete(timer);
      real[name](timer);
    }),
  );
  onTestFinished(() => {
    for (const spy of [set, repeat, ...clear]) spy.mockRestore();
  });
  return () => [...pending.values()];
}
