import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  closeFd,
  currentDirectory,
  OpenFlag,
  openat2,
  readLinkEntry,
  renameEntry,
  setModified,
  statEntry,
} from '../src/index.ts';

let directory: string;
let fd: number;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hatchery-linux-'));
  mkdirSync(join(directory, 'to'));
  writeFileSync(join(directory, 'file'), 'twelve bytes', { mode: 0o640 });
  symlinkSync('file', join(directory, 'link'));
  execFileSync('mkfifo', [join(directory, 'fifo')]);
  fd = openat2(currentDirectory, directory, { flags: OpenFlag.O_PATH | OpenFlag.O_DIRECTORY });
});
afterEach(() => {
  closeFd(fd);
  rmSync(directory, { recursive: true });
});

test('an entry is described, and neither opened nor followed', () => {
  const type = (name: string): number => statEntry(fd, name).mode >> 12;
  expect(statEntry(fd, 'file')).toMatchObject({ mode: 0o100640, size: 12, uid: process.getuid?.() });
  expect([type('link'), type('fifo'), type('to'), type('')]).toEqual([0o12, 0o01, 0o04, 0o04]);
  expect(readLinkEntry(fd, 'link').toString()).toBe('file');
  expect(() => readLinkEntry(fd, 'file')).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  expect(() => statEntry(fd, 'none')).toThrow(
    expect.objectContaining({ code: 'ENOENT', syscall: 'statx', detail: `${fd}, "none"` }),
  );
});

test('an entry is moved over another one, or changes places with it', () => {
  const to = openat2(fd, 'to', { flags: OpenFlag.O_PATH | OpenFlag.O_DIRECTORY });
  writeFileSync(join(directory, 'to/moved'), 'old');
  renameEntry(fd, 'file', to, 'moved');
  expect(readFileSync(join(directory, 'to/moved'), 'utf8')).toBe('twelve bytes');
  renameEntry(fd, 'link', fd, 'to', { exchange: true });
  expect(statEntry(fd, 'link').mode >> 12).toBe(0o04);
  expect(() => renameEntry(fd, 'link/moved', fd, 'x')).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  expect(() => renameEntry(fd, 'none', fd, 'x')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  closeFd(to);
});

test('the time of an entry is set to the nanosecond, of a link its own, also before 1970', () => {
  const times = [
    ['file', 1_700_000_000_123_456_789n],
    ['link', -1_500_000_000n],
  ] as const;
  for (const [name, ns] of times) {
    setModified(fd, name, ns);
    expect(lstatSync(join(directory, name), { bigint: true }).mtimeNs).toBe(ns);
  }
  expect(() => setModified(fd, 'none', 0n)).toThrow(expect.objectContaining({ code: 'ENOENT', syscall: 'utimensat' }));
});
