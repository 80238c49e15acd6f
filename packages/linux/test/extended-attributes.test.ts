import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  closeFd,
  currentDirectory,
  getAttribute,
  listAttributes,
  OpenFlag,
  openat2,
  removeAttribute,
  setAttribute,
} from '../src/index.ts';

let directory: string;
let fd: number;

beforeEach(() => {
  directory = mkdtempSync('/var/tmp/hatchery-linux-');
  writeFileSync(join(directory, 'file'), '');
  fd = openat2(currentDirectory, join(directory, 'file'), { flags: OpenFlag.O_PATH });
});
afterEach(() => {
  closeFd(fd);
  rmSync(directory, { recursive: true });
});

test('names and values are bytes, of a descriptor that can do nothing else', () => {
  const name = Buffer.from('user.\xff\n', 'latin1');
  const value = Buffer.from([0, 255, 10, 0]);
  setAttribute(fd, name, value);
  setAttribute(fd, 'user.empty', Buffer.alloc(0));
  expect(listAttributes(fd).toSorted((a, b) => a.compare(b))).toEqual([Buffer.from('user.empty'), name]);
  expect(getAttribute(fd, name)).toEqual(value);
  expect(getAttribute(fd, 'user.empty').length).toBe(0);
  removeAttribute(fd, name);
  expect(listAttributes(fd)).toEqual([Buffer.from('user.empty')]);
});

test('an attribute that is not there is a typed error', () => {
  const missing = expect.objectContaining({ code: 'ENODATA', detail: `${fd}, "user.none"` });
  expect(() => getAttribute(fd, 'user.none')).toThrow(missing);
  expect(() => removeAttribute(fd, 'user.none')).toThrow(missing);
  expect(() => setAttribute(fd, 'user.\0', Buffer.alloc(0))).toThrow(expect.objectContaining({ code: 'EINVAL' }));
});
