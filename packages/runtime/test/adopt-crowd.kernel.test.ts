import { expect, test } from 'vitest';
import { adoptCrowd } from './adopt-crowd.ts';
import { usePlace } from './use-runtime.ts';

const place = usePlace();

// `bench/adoption.ts` does two hundred and measures. Mutation: commit() left out of the source.
test('inv-44: of busy programs whose runner is killed every exit and every byte is accounted for', {
  timeout: 120_000,
}, async () => {
  const { exits, wrong, unknownGaps } = await adoptCrowd(place, 24);
  expect(wrong).toEqual([]);
  expect(exits).toBe(24);
  // Its one thread was in one read at most.
  expect(unknownGaps).toBeLessThanOrEqual(1);
});
