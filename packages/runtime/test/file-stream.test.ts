import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { FileStream } from '../src/files/file-stream.ts';

const explained = (error: unknown): Error => new Error('explained', { cause: error });
const opening =
  (inner: Readable): (() => Promise<Readable>) =>
  async () =>
    inner;

test('brings every byte, however it was cut', async () => {
  const pieces = ['a', 'bc', '', 'd'.repeat(200_000)].map((text) => Buffer.from(text));
  const stream = new FileStream(opening(Readable.from(pieces, { objectMode: false })), explained, undefined);
  expect((await buffer(stream)).equals(Buffer.concat(pieces))).toBe(true);
});

// Mutation: the pause left out of FileStream.
test('what is not read is not taken from where it comes', async () => {
  let given = 0;
  const inner = new Readable({
    highWaterMark: 16_384,
    read() {
      given += 16_384;
      setImmediate(() => this.push(Buffer.alloc(16_384)));
    },
  });
  const stream = new FileStream(opening(inner), explained, undefined);
  await once(stream, 'readable');
  // Turns of the loop in which an unbounded stream would go on.
  for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate);
  expect(given).toBeLessThan(16 * 16_384);
  stream.destroy();
  await once(inner, 'close');
});

test('an opening that fails, a stream that fails and one that is cut off are explained errors', async () => {
  const cause = new Error('no');
  const refused = new FileStream(() => Promise.reject(cause), explained, undefined);
  await expect(buffer(refused)).rejects.toMatchObject({ message: 'explained', cause });
  const failing = new Readable({ read() {} });
  const stream = new FileStream(opening(failing), explained, undefined);
  const outcome = buffer(stream);
  failing.push('x');
  setImmediate(() => failing.destroy(cause));
  await expect(outcome).rejects.toMatchObject({ message: 'explained', cause });
  const cut = new Readable({ read() {} });
  const cutOff = buffer(new FileStream(opening(cut), explained, undefined));
  setImmediate(() => cut.destroy());
  await expect(cutOff).rejects.toMatchObject({ message: 'explained' });
});

test('destroying it, or the end of its signal, ends what it opened, and an opening that has not come back', async () => {
  const inner = new Readable({ read() {} });
  const end = new AbortController();
  const stream = new FileStream(opening(inner), explained, end.signal);
  const reason = new Error('over');
  setImmediate(() => end.abort(reason));
  await expect(buffer(stream)).rejects.toMatchObject({ message: 'explained', cause: reason });
  expect(inner.destroyed).toBe(true);
  const { promise, resolve } = Promise.withResolvers<Readable>();
  const signals: AbortSignal[] = [];
  const hanging = new FileStream(
    (signal) => {
      signals.push(signal);
      return promise;
    },
    explained,
    undefined,
  );
  hanging.destroy();
  await once(hanging, 'close');
  expect(signals[0]?.aborted).toBe(true);
  const late = new Readable({ read() {} });
  resolve(late);
  await once(late, 'close');
  const over = new FileStream(opening(new Readable({ read() {} })), explained, AbortSignal.abort(reason));
  await expect(buffer(over)).rejects.toMatchObject({ cause: reason });
});
