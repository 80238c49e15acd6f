import { expect, onTestFinished, test, vi } from 'vitest';
import { Together } from '../src/together.ts';

test('items that come while a batch is under way are one batch, and each call settles as its own does', async () => {
  const batches: string[][] = [];
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const together = new Together<string>(async (items) => {
    batches.push(items);
    await gates[batches.length - 1]?.promise;
    if (items.includes('bad')) throw new Error('of the second');
  });
  const first = together.do('a');
  await Promise.resolve();
  const second = [together.do('b'), together.do('bad'), together.do('b')];
  gates[0]?.resolve();
  await first;
  gates[1]?.resolve();
  expect((await Promise.allSettled(second)).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  await together.do('c');
  expect(batches).toEqual([['a'], ['b', 'bad'], ['c']]);
});

// Mutation: #queue does not wait.
test('one that rests takes what comes meanwhile along in its next batch, and no longer than a quarter of a second', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const batches: string[][] = [];
  const together = new Together<string>(async (items) => {
    batches.push(items);
    await new Promise((resolve) => setTimeout(resolve, items.includes('long') ? 1000 : 5));
  }, 9);
  const first = together.do('a');
  await vi.advanceTimersByTimeAsync(5);
  await first;
  const second = [together.do('b')];
  await vi.advanceTimersByTimeAsync(44);
  second.push(together.do('long'));
  expect(batches).toEqual([['a']]);
  await vi.advanceTimersByTimeAsync(1);
  expect(batches).toEqual([['a'], ['b', 'long']]);
  await vi.advanceTimersByTimeAsync(1000);
  await Promise.all(second);
  const third = together.do('c');
  await vi.advanceTimersByTimeAsync(250);
  expect(batches).toEqual([['a'], ['b', 'long'], ['c']]);
  await vi.advanceTimersByTimeAsync(5);
  await third;
});
