import { expect, test } from 'vitest';
import { Sightings } from '../src/gc/sightings.ts';

// Mutation: the runs are not compared.
test('a run that could not look at anything is no sighting, and what was seen before it counts no more', () => {
  const sightings = new Sightings(10);
  expect(sightings.note('x', 'a', { run: 1, nowMs: 0 })).toBe(false);
  // Run 2 failed before its end.
  expect(sightings.note('x', 'a', { run: 3, nowMs: 100 })).toBe(false);
  expect(sightings.note('x', 'a', { run: 3, nowMs: 200 })).toBe(false);
  expect(sightings.note('x', 'a', { run: 4, nowMs: 200 })).toBe(true);
});
