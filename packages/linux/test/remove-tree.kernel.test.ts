import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { closeFd, currentDirectory, OpenFlag, openat2, removeTree, unmountDetached } from '../src/index.ts';

let house: string;
let fd: number;
let mounts: string;

beforeEach((context) => {
  if (process.getuid?.() !== 0) context.skip('needs root, to mount');
  mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  house = mkdtempSync(join(tmpdir(), 'hatchery-linux-'));
  fd = openat2(currentDirectory, house, { flags: OpenFlag.O_RDONLY | OpenFlag.O_DIRECTORY });
  mkdirSync(join(house, 'tree/a/place'), { recursive: true });
});
afterEach(() => {
  closeFd(fd);
  rmSync(house, { recursive: true });
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(mounts);
});

// Mutation: remove_directory() takes EBUSY for "not empty", and open_below() is without RESOLVE_NO_XDEV: the mount is emptied.
test.each([
  ['of another filesystem', ['-t', 'tmpfs', 'hatchery-test'], 'file'],
  ['of the same filesystem', ['--bind', '.'], 'outside/file'],
])('a mount %s is not entered: an error names it', (_, mount, victim) => {
  const place = join(house, 'tree/a/place');
  mkdirSync(join(house, 'outside'));
  writeFileSync(join(house, 'outside/file'), 'stays');
  execFileSync('mount', [...mount, place], { cwd: house });
  try {
    writeFileSync(join(place, victim), 'stays');
    expect(() => removeTree(fd, 'tree')).toThrow(
      expect.objectContaining({
        code: expect.stringMatching(/^(EXDEV|EBUSY)$/),
        detail: expect.stringContaining('(tree/a/place)'),
      }),
    );
    expect(readFileSync(join(place, victim), 'utf8')).toBe('stays');
  } finally {
    unmountDetached(place);
  }
  expect(removeTree(fd, 'tree')).toEqual({ removed: 3 });
});

test('a file that is mounted over stays: an error names it', () => {
  writeFileSync(join(house, 'secret'), 'stays');
  writeFileSync(join(house, 'tree/a/file'), '');
  execFileSync('mount', ['--bind', join(house, 'secret'), join(house, 'tree/a/file')]);
  try {
    expect(() => removeTree(fd, 'tree')).toThrow(
      expect.objectContaining({ code: 'EBUSY', detail: expect.stringContaining('unlink(tree/a/file)') }),
    );
  } finally {
    unmountDetached(join(house, 'tree/a/file'));
  }
  expect(readFileSync(join(house, 'secret'), 'utf8')).toBe('stays');
});

test('unmountDetached() takes a mount that is in use out of the tree, and follows no link to it', () => {
  const place = join(house, 'tree/a/place');
  execFileSync('mount', ['-t', 'tmpfs', 'hatchery-test', place]);
  writeFileSync(join(place, 'file'), 'content');
  const inside = openat2(currentDirectory, join(place, 'file'), { flags: OpenFlag.O_RDONLY });
  execFileSync('ln', ['-s', place, join(house, 'link')]);
  expect(() => unmountDetached(join(house, 'link'))).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  unmountDetached(place);
  expect(readdirSync(place)).toEqual([]);
  expect(readFileSync(inside, 'utf8')).toBe('content');
  closeFd(inside);
});
