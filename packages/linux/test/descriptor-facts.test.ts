import { writeSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  bytesReadable,
  changeOwner,
  closeFd,
  currentDirectory,
  filesystemType,
  makePipe,
  OpenFlag,
  openat2,
} from '../src/index.ts';

test('a pipe tells how many bytes wait in it', () => {
  const [readEnd, writeEnd] = makePipe();
  expect(bytesReadable(readEnd)).toBe(0);
  writeSync(writeEnd, 'hello');
  expect(bytesReadable(readEnd)).toBe(5);
  closeFd(readEnd);
  closeFd(writeEnd);
});

test('a filesystem is known by its magic number', () => {
  const proc = openat2(currentDirectory, '/proc', { flags: OpenFlag.O_PATH });
  expect(filesystemType(proc)).toBe(0x9fa0);
  closeFd(proc);
});

test('changing the owner to -1, -1 changes nothing and is allowed to everybody', () => {
  const [readEnd, writeEnd] = makePipe();
  expect(() => changeOwner(readEnd, -1, -1)).not.toThrow();
  expect(() => changeOwner(readEnd, 1.5, 0)).toThrow(TypeError);
  closeFd(readEnd);
  closeFd(writeEnd);
});
