import { expect, test } from 'vitest';
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
