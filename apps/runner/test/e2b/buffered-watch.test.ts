import { create } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { expect, test, vi } from 'vitest';
import { BufferedWatch } from '../../src/e2b/envd/filesystem/buffered-watch.ts';
import { type FilesystemEvent, FilesystemEventSchema } from '../../src/e2b/envd/protocol/filesystem.generated.ts';

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

test('inv-14: events that nobody asks for are dropped beyond ten thousand, and their number is told before any other', async () => {
  const watch = new BufferedWatch();
  const more = Promise.withResolvers<void>();
  let isThere = false;
  watch.collect(
    (async function* () {
      yield* events(10_001);
      isThere = true;
      await more.promise;
      yield create(FilesystemEventSchema, { name: 'after' });
    })(),
  );
  await vi.waitUntil(() => isThere);
  expect(errorOf(watch)).toMatchObject({ code: Code.DataLoss, rawMessage: expect.stringContaining('10002 events') });
  expect(watch.take()).toEqual([]);
  more.resolve();
  await vi.waitUntil(() => watch.isOver || taken(watch).includes('after'));
});

test('what ended a watch is told once, after the events before it; then there is nothing more', async () => {
  const watch = new BufferedWatch();
  watch.collect(events(2, Promise.reject(new Error('the end'))));
  await vi.waitUntil(() => taken(watch).includes('1'));
  await vi.waitUntil(() => (errorOf(watch) as Error).message === 'the end');
  expect(watch.take()).toEqual([]);
  expect(watch.isOver).toBe(true);
});
