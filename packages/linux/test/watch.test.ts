import { writeSync } from 'node:fs';
import { expect, test } from 'vitest';
import { closeFd, currentDirectory, makePipe, OpenFlag, openat2, watchReadable } from '../src/index.ts';
import { openDescriptors } from './open-descriptors.ts';

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('a watch fires once although the bytes stay, and leaves no descriptor', async () => {
  const [readEnd, writeEnd] = makePipe();
  const before = openDescriptors();
  let calls = 0;
  writeSync(writeEnd, 'x');
  await new Promise<void>((resolve) =>
    watchReadable(readEnd, () => {
      calls++;
      resolve();
    }),
  );
  await nextTurn();
  await nextTurn();
  expect(calls).toBe(1);
  expect(openDescriptors()).toEqual(before);
  closeFd(readEnd);
  closeFd(writeEnd);
});

test('a disposed watch never fires, and disposing twice is fine', async () => {
  const [readEnd, writeEnd] = makePipe();
  let fired = false;
  const watch = watchReadable(readEnd, () => (fired = true));
  writeSync(writeEnd, 'x');
  watch[Symbol.dispose]();
  watch[Symbol.dispose]();
  // This one sees the same byte, so the first had its chance.
  await new Promise<void>((resolve) => watchReadable(readEnd, resolve));
  expect(fired).toBe(false);
  closeFd(readEnd);
  closeFd(writeEnd);
});

test('a watch outlives the descriptor it was made from', async () => {
  const [readEnd, writeEnd] = makePipe();
  const noticed = new Promise<void>((resolve) => watchReadable(readEnd, resolve));
  closeFd(readEnd);
  closeFd(writeEnd);
  await noticed;
});

test('two watches of one descriptor both fire', async () => {
  const [readEnd, writeEnd] = makePipe();
  const both = [0, 1].map(() => new Promise<void>((resolve) => watchReadable(readEnd, resolve)));
  writeSync(writeEnd, 'x');
  await Promise.all(both);
  closeFd(readEnd);
  closeFd(writeEnd);
});

test('a file that cannot be watched is refused, and nothing stays open', () => {
  const file = openat2(currentDirectory, '/etc/passwd', { flags: OpenFlag.O_RDONLY });
  const before = openDescriptors();
  expect(() => watchReadable(file, () => {})).toThrow(expect.objectContaining({ code: 'EPERM' }));
  expect(openDescriptors()).toEqual(before);
  closeFd(file);
});
