import { expect, it, vi } from 'vitest';
import { keepaliveMs, withKeepalive } from '../../src/e2b/envd/connect/keepalive.ts';

it('a keepalive comes whenever nothing else has come for so long, and a message begins the wait anew', async () => {
  vi.useFakeTimers();
  try {
    const next: PromiseWithResolvers<string>[] = [Promise.withResolvers(), Promise.withResolvers()];
    const messages = async function* (): AsyncGenerator<string> {
      for (const { promise } of next) yield await promise;
    };
    const stream = withKeepalive(messages(), 50_000, () => 'keepalive');
    const seen: (string | undefined)[] = [];
    const reading = (async () => {
      for await (const message of stream) seen.push(message);
    })();
    await vi.advanceTimersByTimeAsync(49_999);
    next[0]?.resolve('a');
    await vi.advanceTimersByTimeAsync(49_999);
    expect(seen).toEqual(['a']);
    await vi.advanceTimersByTimeAsync(50_001);
    expect(seen).toEqual(['a', 'keepalive', 'keepalive']);
    next[1]?.resolve('b');
    await reading;
    expect(seen).toEqual(['a', 'keepalive', 'keepalive', 'b']);
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

it('the interval is a whole number of seconds up to an hour, 90 otherwise', () => {
  const given = ['50', '1', '3600', null, '', '0', '-1', '1.5', '3601', '99999999999', '5s'];
  expect(given.map((header) => keepaliveMs(header) / 1000)).toEqual([50, 1, 3600, 90, 90, 90, 90, 90, 90, 90, 90]);
});
