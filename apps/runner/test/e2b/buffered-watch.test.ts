import { create } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { expect, test } from 'vitest';
import { BufferedWatch } from '../../src/e2b/envd/filesystem/buffered-watch.ts';
import { EventBudget } from '../../src/e2b/envd/filesystem/event-budget.ts';
import {
  EntryInfoSchema,
  type FilesystemEvent,
  FilesystemEventSchema,
} from '../../src/e2b/envd/protocol/filesystem.generated.ts';

/** So many events at once, and then what follows. */
async function* events(count: number, then: Promise<unknown> = Promise.resolve()): AsyncGenerator<FilesystemEvent> {
  for (let index = 0; index < count; index += 1) yield create(FilesystemEventSchema, { name: `${index}` });
  await then;
  yield create(FilesystemEventSchema, { name: 'last' });
}

function taken(watch: BufferedWatch): string[] {
  return watch.take().map(({ name }) => name);
}

function errorOf(watch: BufferedWatch): unknown {
  try {
    return watch.take();
  } catch (error) {
    return error;
  }
}

test('inv-14: events for which there is no room are dropped, and their number is told before any other', async () => {
  // Room for ten events and what they are called, for two watches together.
  const budget = new EventBudget(10 * 260);
  const [watch, other] = [new BufferedWatch(budget), new BufferedWatch(budget)];
  await watch.collect(events(5));
  await other.collect(events(100));
  expect(errorOf(other)).toMatchObject({ code: Code.DataLoss, rawMessage: expect.stringContaining('101 events') });
  expect(other.isOver).toBe(true);
  expect(taken(watch)).toEqual(['0', '1', '2', '3', '4', 'last']);
  const again = new BufferedWatch(budget);
  await again.collect(events(8));
  expect(taken(again)).toHaveLength(9);
});

test('events of a watch that was ended while they waited take no room', async () => {
  const budget = new EventBudget(10 * 260);
  for (let round = 0; round < 10; round += 1) {
    const watch = new BufferedWatch(budget);
    await watch.collect(events(8));
    watch.end();
  }
  const watch = new BufferedWatch(budget);
  await watch.collect(events(8));
  expect(taken(watch)).toHaveLength(9);
});

test('the event that a watch was at when it was ended takes no room', async () => {
  // Mutation: collect() goes on after end(): the budget is used up.
  const budget = new EventBudget(10 * 260);
  for (let round = 0; round < 30; round += 1) {
    const watch = new BufferedWatch(budget);
    const going = Promise.withResolvers<void>();
    const collecting = watch.collect(events(0, going.promise));
    watch.end();
    going.resolve();
    await collecting;
  }
  const watch = new BufferedWatch(budget);
  await watch.collect(events(8));
  expect(taken(watch)).toHaveLength(9);
});

test('what ended a watch is told once, after the events before it; then there is nothing more', async () => {
  const watch = new BufferedWatch(new EventBudget());
  await watch.collect(events(2, Promise.reject(new Error('the end'))));
  expect(taken(watch)).toEqual(['0', '1']);
  expect(errorOf(watch)).toMatchObject({ message: 'the end' });
  expect(watch.take()).toEqual([]);
  expect(watch.isOver).toBe(true);
});

test('an event with its entry takes more room than one without, and what was set on the file counts', () => {
  const metadata = { key: 'v'.repeat(1000) };
  const entry = create(EntryInfoSchema, { path: '/a', metadata });
  const budget = new EventBudget(3000);
  const event = create(FilesystemEventSchema, { name: 'a', entry });
  expect(budget.take(event)).toBe(false);
  expect(budget.take(create(FilesystemEventSchema, { name: 'a' }))).toBe(true);
});
