import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { closeFd, currentDirectory, OpenFlag, openat2, Resolve } from '../src/index.ts';

const { O_CREAT, O_DIRECTORY, O_PATH, O_RDONLY, O_WRONLY } = OpenFlag;
let directory: string;
let root: number;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hatchery-linux-'));
  mkdirSync(join(directory, 'root/etc'), { recursive: true });
  writeFileSync(join(directory, 'outside'), 'outside');
  writeFileSync(join(directory, 'root/etc/hostname'), 'inside');
  root = openat2(currentDirectory, join(directory, 'root'), { flags: O_PATH | O_DIRECTORY });
});
afterEach(() => {
  closeFd(root);
  rmSync(directory, { recursive: true });
});

function readInRoot(path: string): string {
  const fd = openat2(root, path, { flags: O_RDONLY, resolve: Resolve.inRoot | Resolve.noMagicLinks });
  try {
    return readFileSync(fd, 'utf8');
  } finally {
    closeFd(fd);
  }
}

test('in-root: an absolute path, an absolute link and dots all stay inside', () => {
  symlinkSync('/etc/hostname', join(directory, 'root/absolute'));
  symlinkSync('../../../../etc/hostname', join(directory, 'root/dots'));
  for (const path of ['/etc/hostname', 'absolute', 'dots', '../../etc/hostname'])
    expect(readInRoot(path)).toBe('inside');
});

test('in-root: what lies beside the root cannot be reached', () => {
  symlinkSync('../outside', join(directory, 'root/link'));
  for (const path of ['../outside', 'link', join(directory, 'outside')])
    expect(() => readInRoot(path)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});

test('in-root: a magic link out of the root is refused', () => {
  const proc = openat2(currentDirectory, '/proc/self', { flags: O_PATH | O_DIRECTORY });
  const open = () => openat2(proc, 'cwd', { flags: O_RDONLY, resolve: Resolve.inRoot | Resolve.noMagicLinks });
  expect(open).toThrow(expect.objectContaining({ code: 'ELOOP' }));
  closeFd(proc);
});

test('beneath: leaving is an error and not a detour', () => {
  const open = () => openat2(root, '/etc/hostname', { flags: O_RDONLY, resolve: Resolve.beneath });
  expect(open).toThrow(expect.objectContaining({ code: 'EXDEV' }));
});

test('a path with a NUL byte is refused, never cut to another file', () => {
  const open = () => openat2(root, 'etc/hostname\0.txt', { flags: O_RDONLY });
  expect(open).toThrow(expect.objectContaining({ code: 'EINVAL', detail: '"etc/hostname\\x00.txt" holds a NUL byte' }));
});

test('a name that is no UTF-8 is opened by its bytes', () => {
  const name = Buffer.from([0x66, 0xff, 0xfe]);
  const made = openat2(root, name, { flags: O_WRONLY | O_CREAT, mode: 0o640 });
  closeFd(made);
  expect(statSync(Buffer.concat([Buffer.from(`${directory}/root/`), name])).mode & 0o777).toBe(0o640);
});

test('no opened file is inherited by a child', () => {
  const flags = /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${root}`, 'utf8'))?.[1] ?? '0';
  expect(Number.parseInt(flags, 8) & OpenFlag.O_CLOEXEC).toBe(OpenFlag.O_CLOEXEC);
});
