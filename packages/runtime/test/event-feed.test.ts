import { expect, test } from 'vitest';
import { EventFeed } from '../src/events/event-feed.ts';
import type { RuntimeEvent } from '../src/index.ts';

const event = (sandboxId: string): RuntimeEvent => ({
  type: 'created',
  sandboxId,
  lifecycleId: 'x',
  at: new Date(0),
  reason: null,
});

// Mutation: EventReader.take() has no bound.
test('inv-14: a reader that is too slow gets what it can hold and one gap, and then goes on; others lose nothing', async () => {
  const feed = new EventFeed();
  const slow = feed.read(undefined);
  const fast = feed.read(undefined);
  const seen: string[] = [];
  for (let count = 0; count < 3000; count++) {
    feed.publish(event(String(count)));
    seen.push((await fast.next()).value.sandboxId as string);
  }
  expect(seen).toEqual(Array.from({ length: 3000 }, (_, count) => String(count)));
  const got: RuntimeEvent[] = [];
  for (let count = 0; count < 1024; count++) got.push((await slow.next()).value as RuntimeEvent);
  expect(got.slice(0, 1023).map(({ sandboxId }) => Number(sandboxId))).toEqual(
    Array.from({ length: 1023 }, (_, n) => n),
  );
  expect(got[1023]).toMatchObject({ type: 'gap' });
  feed.publish(event('after'));
  expect((await slow.next()).value).toMatchObject({ sandboxId: 'after' });
  feed.end();
  expect((await slow.next()).done).toBe(true);
});
