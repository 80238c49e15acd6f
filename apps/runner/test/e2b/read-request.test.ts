import { Readable } from 'node:stream';
import { ConnectError } from '@connectrpc/connect';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type ReadLimits, readRequest } from '../../src/e2b/envd/connect/read-request.ts';
import { Budget } from '../../src/hosted/budget.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const message: ReadLimits = { totalMs: 60_000, idleMs: 30_000, maxBytes: 1000 };

/** A body whose pieces come so long after each other. */
function pieces(count: number, everyMs: number, bytes = 10): Readable {
  return Readable.from(delayed(count, everyMs, bytes));
}

async function* delayed(count: number, everyMs: number, bytes: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index++) {
    await new Promise((resolve) => setTimeout(resolve, everyMs));
    yield new Uint8Array(bytes);
  }
}

/** How many bytes came, or what it was refused with. */
async function read(body: Readable, budget: Budget, limits = message): Promise<number | string> {
  let bytes = 0;
  const reading = (async () => {
    for await (const piece of readRequest(body, budget, limits)) bytes += piece.length;
    return bytes;
  })().catch((error: unknown) => ConnectError.from(error).rawMessage);
  await vi.runAllTimersAsync();
  return await reading;
}

it('a request that stops, or that trickles for too long, is given up; a stream may go on', async () => {
  const budget = new Budget(10_000);
  expect(await read(pieces(2, 29_000), budget)).toBe(20);
  expect(await read(pieces(1, 31_000), budget)).toMatch('did not come in time');
  expect(await read(pieces(10, 10_000), budget)).toMatch('did not come in time');
  expect(await read(pieces(100, 20_000), budget, { ...message, totalMs: null })).toBe(1000);
  expect(await read(pieces(2, 40_000), budget, { ...message, totalMs: null })).toMatch('did not come in time');
});

it('what is being read counts from its first byte on, once, and no longer than it is read', async () => {
  const budget = new Budget(2500);
  const held = readRequest(pieces(3, 0, 400), budget, message);
  for (let count = 0; count < 3; count++) {
    const next = held.next();
    await vi.runAllTimersAsync();
    await next;
  }
  // 1000 of its 1200 bytes: more is never held of one.
  expect(budget.take(1501)).toBe(false);
  expect(await read(pieces(16, 0, 100), budget, { ...message, maxBytes: 1600 })).toMatch('hold 2500 bytes');
  expect(await read(pieces(15, 0, 100), budget, { ...message, maxBytes: 1500 })).toBe(1500);
  await held.return(undefined);
  expect(budget.take(2500)).toBe(true);
});
