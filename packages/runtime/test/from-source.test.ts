import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { fromSource } from '../src/files/from-source.ts';

const bytes = (): Readable => Readable.from(['x'], { objectMode: false });

test('a source that has been taken is left to its end', async () => {
  const source = bytes();
  expect((await fromSource(source, () => buffer(source))).toString()).toBe('x');
});

test('a failure destroys the source and is thrown as it is', async () => {
  const source = bytes();
  const failure = new Error('full');
  await expect(fromSource(source, () => Promise.reject(failure))).rejects.toBe(failure);
  expect(source.destroyed).toBe(true);
  expect(source.errored).toBeNull();
});

// Mutation: the listener left out of fromSource(): the process dies of an error that nobody hears.
test('what a source says because it was destroyed is not the failure', async () => {
  const source = new Readable({ read() {} });
  const failure = new Error('full');
  const work = fromSource(source, async () => {
    source.destroy(new Error('The operation was aborted'));
    await new Promise((resolve) => source.once('close', resolve));
    throw failure;
  });
  await expect(work).rejects.toBe(failure);
});

test("the source's own failure is thrown as it is, whatever became of it on the way", async () => {
  const source = new Readable({ read() {} });
  const own = new Error('the source broke');
  const taken = fromSource(source, async () => {
    try {
      return await buffer(source);
    } catch (error) {
      throw new Error('translated', { cause: error });
    }
  });
  source.destroy(own);
  await expect(taken).rejects.toBe(own);
});
