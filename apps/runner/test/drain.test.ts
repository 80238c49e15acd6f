import type { AttachOptions, Execution, OutputEvent } from '@hatchery/runtime';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Drain } from '../src/hosted/drain.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const pieceBytes = 65_536;

/** An execution that writes as fast as it is read. */
function endless(): { execution: Execution; taken: () => number } {
  let taken = 0;
  async function* attach({ signal }: AttachOptions): AsyncGenerator<OutputEvent> {
    for (;;) {
      signal?.throwIfAborted();
      yield { type: 'data', stream: 'stdout', offset: taken, data: Buffer.alloc(pieceBytes) };
      taken += pieceBytes;
    }
  }
  return { execution: { attach } as unknown as Execution, taken: () => taken };
}

it('what nobody listens to in one sandbox may write 8 MiB a second together, each of them some of it', async () => {
  const drain = new Drain();
  const leaving = new AbortController();
  const programs = Array.from({ length: 5 }, endless);
  const following = programs.map(({ execution }) => drain.follow(execution, { stdout: 0, stderr: 0 }, leaving.signal));
  const seconds = 10;
  await vi.advanceTimersByTimeAsync(seconds * 1000);
  const taken = programs.map(({ taken: bytes }) => bytes());
  const perSecond = taken.reduce((sum, bytes) => sum + bytes) / seconds / 2 ** 20;
  expect(perSecond).toBeGreaterThan(7);
  expect(perSecond).toBeLessThan(8.5);
  for (const bytes of taken) expect(bytes).toBeGreaterThan(Math.max(...taken) / 4);
  // What they wait for is given up at once.
  leaving.abort();
  await Promise.all(following);
  expect(vi.getTimerCount()).toBe(0);
});
