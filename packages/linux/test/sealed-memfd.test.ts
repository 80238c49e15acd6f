import { fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { closeFd, createMemfd, createSealedMemfd, currentDirectory, OpenFlag, openat2 } from '../src/index.ts';

const bytes = Buffer.alloc(300_000, 'abc');
let memfd: number;

beforeEach(() => {
  memfd = createSealedMemfd('test', bytes);
});
afterEach(() => closeFd(memfd));

test('it holds the bytes', () => {
  const read = Buffer.alloc(bytes.length + 1);
  expect(readSync(memfd, read, 0, read.length, 0)).toBe(bytes.length);
  expect(read.subarray(0, bytes.length).equals(bytes)).toBe(true);
});

test('it cannot be written, grown or shrunk, also not by opening it anew', () => {
  const again = openat2(currentDirectory, `/proc/self/fd/${memfd}`, { flags: OpenFlag.O_RDWR });
  for (const fd of [memfd, again]) {
    expect(() => writeSync(fd, 'x', 0)).toThrow(/EPERM/);
    expect(() => ftruncateSync(fd, 1)).toThrow(/EPERM/);
    expect(() => ftruncateSync(fd, bytes.length + 1)).toThrow(/EPERM/);
  }
  closeFd(again);
  expect(fstatSync(memfd).size).toBe(bytes.length);
});

test('only one that was asked to be executable is', () => {
  const program = createSealedMemfd('program', bytes, { executable: true });
  expect(fstatSync(memfd).mode & 0o111).toBe(0);
  expect(fstatSync(program).mode & 0o111).toBe(0o111);
  closeFd(program);
});

test('a plain one is empty, and can be written and shrunk', () => {
  const plain = createMemfd('test');
  expect(fstatSync(plain).size).toBe(0);
  expect(writeSync(plain, 'abc')).toBe(3);
  ftruncateSync(plain, 1);
  expect(fstatSync(plain).size).toBe(1);
  closeFd(plain);
});
