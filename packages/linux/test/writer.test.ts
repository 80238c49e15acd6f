import { readSync } from 'node:fs';
import { expect, test } from 'vitest';
import { closeFd, duplicateFd, makePipe, registeredFds, Writer } from '../src/index.ts';
import { openDescriptors } from './open-descriptors.ts';

const chunk = Buffer.alloc(65_536, 'x');

// Mutation: on_writable is not called again after the first wait.
test('a writer takes what fits, waits for room without spinning, and loses nothing', async () => {
  const before = openDescriptors();
  const [readEnd, writeEnd] = makePipe();
  const waits: PromiseWithResolvers<void>[] = [];
  const writer = new Writer(writeEnd, () => waits.at(-1)?.resolve());
  let taken = 0;
  const room = Buffer.alloc(65_536);
  for (let turn = 0; turn < 3; turn++) {
    for (let length = writer.write(chunk); length !== null; length = writer.write(chunk)) taken += length;
    const wait = Promise.withResolvers<void>();
    waits.push(wait);
    writer.awaitWritable();
    taken -= readSync(readEnd, room);
    await wait.promise;
  }
  expect(taken).toBe(0);
  writer.close();
  writer.close();
  closeFd(readEnd);
  expect(openDescriptors()).toEqual(before);
});

test('a write that nobody will read is EPIPE, and wakes whoever waits for room', async () => {
  const [readEnd, writeEnd] = makePipe();
  const woken = Promise.withResolvers<void>();
  using writer = new Writer(writeEnd, () => woken.resolve());
  while (writer.write(chunk) !== null);
  writer.awaitWritable();
  closeFd(readEnd);
  await woken.promise;
  expect(() => writer.write(chunk)).toThrow(expect.objectContaining({ code: 'EPIPE' }));
});

test('a writer refuses a descriptor that this thread does not own, and one that is closed', () => {
  const [readEnd, writeEnd] = makePipe();
  const writer = new Writer(writeEnd, () => {});
  expect(registeredFds()).not.toContain(writeEnd);
  expect(() => new Writer(0, () => {})).toThrow(expect.objectContaining({ code: 'EBADF' }));
  writer.close();
  expect(() => writer.write(chunk)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  closeFd(readEnd);
});

test('a duplicate is owned by its own number', () => {
  const [readEnd, writeEnd] = makePipe();
  const copy = duplicateFd(readEnd);
  expect(registeredFds()).toContain(copy);
  for (const fd of [readEnd, writeEnd, copy]) closeFd(fd);
});
