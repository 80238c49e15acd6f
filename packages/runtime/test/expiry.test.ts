import { expect, test, vi } from 'vitest';
import { Expiry } from '../src/sandbox/expiry.ts';
import { pendingTimers } from './pending-timers.ts';

// Mutation: again() does nothing; or sets its timer at once.
test('inv-70: a deadline at which nothing could be done comes again, after a while', async () => {
  let times = 0;
  const expiry = new Expiry(() => times++);
  expiry.again();
  const timers = pendingTimers();
  expiry.restore({ monotonicMs: 0, wall: new Date(0).toISOString() });
  // One that is to come needs no other.
  expiry.again();
  expect(timers()).toEqual([0]);
  await vi.waitUntil(() => times === 1, { timeout: 10_000 });
  expect(timers()).toEqual([]);
  expiry.again();
  expect(timers()).toEqual([5000]);
  expiry.stop();
  expiry.again();
  expect(timers()).toEqual([]);
});
