import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Turns } from '../src/sandbox/turns.ts';

// Mutation: #next() begins all that wait.
test('of fifty beginnings that are asked for at once sixteen are in the caller’s turn and at most sixteen in each later one, in order', async () => {
  const turns = new Turns();
  const begun: number[] = [];
  for (let index = 0; index < 50; index++) {
    const turn = turns.take();
    if (turn === null) begun.push(index);
    else void turn.then(() => begun.push(index));
  }
  const counts = [begun.length];
  while (begun.length < 50) {
    const before = begun.length;
    await nextTurn();
    counts.push(begun.length - before);
  }
  expect(begun).toEqual(Array.from({ length: 50 }, (_, index) => index));
  expect(Math.max(...counts)).toBe(16);
});

test('a beginning alone waits for nobody, however many there were before', async () => {
  const turns = new Turns();
  for (let index = 0; index < 20; index++) void turns.take();
  await nextTurn();
  await nextTurn();
  await nextTurn();
  expect(turns.take()).toBeNull();
});
