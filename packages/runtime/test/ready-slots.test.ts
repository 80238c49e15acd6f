import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ReadySlots } from '../src/network/ready-slots.ts';
import type { TakenSlot } from '../src/network/taken-slot.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Slots are numbers here: what is made and given back of them is counted. */
function useHost() {
  const made: number[] = [];
  const givenBack: number[] = [];
  let fails = false;
  const host = {
    async make() {
      if (fails) throw new Error('no room');
      made.push(made.length);
      return { netns: made.length - 1 } as unknown as TakenSlot;
    },
    async giveBack({ netns }: TakenSlot) {
      givenBack.push(netns);
    },
    nowMs: () => Date.now(),
    logger,
  };
  return { host, made, givenBack, fail: (value: boolean) => (fails = value) };
}

test('as many are kept ready as were asked for in ten minutes, no more than the ceiling, and then none', async () => {
  const { host, made, givenBack } = useHost();
  const ready = new ReadySlots(host, 2);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(made).toEqual([]);
  expect([ready.take(), ready.take(), ready.take()]).toEqual([null, null, null]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(ready.ready().map(({ netns }) => netns)).toEqual([0, 1]);
  expect(ready.take()?.netns).toBe(1);
  await vi.advanceTimersByTimeAsync(1000);
  expect(ready.ready().map(({ netns }) => netns)).toEqual([0, 2]);
  await vi.advanceTimersByTimeAsync(600_000);
  expect([ready.ready().map(({ netns }) => netns), givenBack]).toEqual([[], [0, 2]]);
  await ready.close();
});

// Mutation: `during` does not tell the lull.
test('none is made while something hurries', async () => {
  const { host } = useHost();
  const ready = new ReadySlots(host, 1);
  const { promise, resolve } = Promise.withResolvers<void>();
  void ready.during(promise);
  ready.take();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(ready.ready().map(({ netns }) => netns)).toEqual([]);
  resolve();
  await vi.advanceTimersByTimeAsync(1000);
  expect(ready.ready().map(({ netns }) => netns)).toEqual([0]);
  await ready.close();
});

// Mutation: #hasFailed is not looked at (an endless loop).
test('after a failure none is made until one is asked for again, and a close gives all of them back', async () => {
  const { host, made, givenBack, fail } = useHost();
  const ready = new ReadySlots(host, 4);
  fail(true);
  ready.take();
  await vi.advanceTimersByTimeAsync(60_000);
  fail(false);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(made).toEqual([]);
  ready.take();
  await vi.advanceTimersByTimeAsync(1000);
  expect(ready.ready().map(({ netns }) => netns)).toEqual([0, 1]);
  await ready.close();
  expect(givenBack).toEqual([0, 1]);
  expect(ready.take()).toBeNull();
});
