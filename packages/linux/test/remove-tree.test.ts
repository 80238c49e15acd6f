import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { closeFd, currentDirectory, OpenFlag, openat2, removeTree, removeTreePart } from '../src/index.ts';

// A hundred thousand files take seconds on a disk that others use.
const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

let house: string;
let fd: number;
let descriptors: number;

beforeEach(() => {
  descriptors = readdirSync('/proc/self/fd').length;
  house = mkdtempSync(join(memory, 'hatchery-linux-'));
  fd = openat2(currentDirectory, house, { flags: OpenFlag.O_RDONLY | OpenFlag.O_DIRECTORY });
  mkdirSync(join(house, 'tree'));
});
afterEach(() => {
  closeFd(fd);
  rmSync(house, { recursive: true });
  expect(readdirSync('/proc/self/fd').length, 'descriptors left open').toBe(descriptors);
});

/** Runs a little Python in the tree: paths this long are beyond what Node can make. */
function grow(script: string): void {
  execFileSync('python3', ['-c', `import os\n${script}`], { cwd: join(house, 'tree') });
}

test('everything goes, and is counted; beside it nothing does', () => {
  mkdirSync(join(house, 'tree/a/b'), { recursive: true });
  writeFileSync(join(house, 'tree/a/file'), 'content');
  writeFileSync(join(house, 'tree/a/b/file'), 'content', { mode: 0 });
  writeFileSync(join(house, 'other'), 'stays');
  expect(removeTree(fd, 'tree')).toEqual({ removed: 5 });
  expect(readdirSync(house)).toEqual(['other']);
});

test('a part at a time removes no more than was asked for, and ends with nothing left', () => {
  // Mutation: without the bound in empty_level() the first call removes a whole directory.
  grow("for d in range(30):\n os.makedirs(f'd{d}/e')\n for f in range(20): open(f'd{d}/e/{f}', 'w').close()");
  const parts: number[] = [];
  for (let done = false; !done; ) {
    const part = removeTreePart(fd, 'tree', 7);
    parts.push(part.removed);
    done = part.done;
  }
  expect(Math.max(...parts)).toBe(7);
  expect(parts.reduce((sum, part) => sum + part, 0)).toBe(30 * 22 + 1);
  expect(readdirSync(house)).toEqual([]);
  expect(removeTreePart(fd, 'tree', 7)).toEqual({ removed: 0, done: true });
  expect(() => removeTreePart(fd, 'tree', 0)).toThrow(TypeError);
});

// Mutation: AT_SYMLINK_FOLLOW's like: openat without O_NOFOLLOW and RESOLVE_NO_SYMLINKS, and every entry entered.
test('a symlink goes as a symlink, what it points to stays', () => {
  mkdirSync(join(house, 'outside'));
  writeFileSync(join(house, 'outside/file'), 'stays');
  symlinkSync('../outside', join(house, 'tree/link'));
  symlinkSync(join(house, 'outside'), join(house, 'tree/absolute'));
  expect(removeTree(fd, 'tree')).toEqual({ removed: 3 });
  symlinkSync('outside', join(house, 'tree'));
  expect(removeTree(fd, 'tree')).toEqual({ removed: 1 });
  expect(readdirSync(house)).toEqual(['outside']);
  expect(readdirSync(join(house, 'outside'))).toEqual(['file']);
});

// Mutation: OPEN_LEVELS 40,000: the removal runs out of descriptors. A recursive one ran out of stack.
test('a path of 51 kB costs neither stack nor descriptors', () => {
  grow("for i in range(17_000):\n os.mkdir('dd'); os.chdir('dd')\nopen('file', 'w').close()");
  expect(removeTree(fd, 'tree')).toEqual({ removed: 17_002 });
}, 60_000);

// Mutation: reopen_above() without close_level() in leave(): the wrong directory is taken for the one above.
test('many branches, each deeper than the descriptors that are held', () => {
  grow(
    "for i in range(50):\n for name in ['a', 'b']: open(name, 'w').close()\n os.mkdir('x'); os.mkdir('y'); os.chdir('x' if i % 2 else 'y')",
  );
  grow("for i in range(100):\n os.mkdir('z%d' % i); os.mkdir('z%d/deep' % i); open('z%d/deep/file' % i, 'w').close()");
  expect(removeTree(fd, 'tree')).toEqual({ removed: 1 + 50 * 4 + 100 * 3 });
});

test('100,000 entries in one directory', () => {
  grow("for i in range(100_000): open('f%d' % i, 'w').close()");
  expect(removeTree(fd, 'tree')).toEqual({ removed: 100_001 });
}, 60_000);

test('what is not there is fine; a plain file is removed', () => {
  expect(removeTree(fd, 'none')).toEqual({ removed: 0 });
  writeFileSync(join(house, 'file'), '');
  expect(removeTree(fd, 'file')).toEqual({ removed: 1 });
});

test.each(['', '.', '..', 'tree/..', '/etc', 'tree/'])('the name %j is refused', (name) => {
  expect(() => removeTree(fd, name)).toThrow(expect.objectContaining({ name: 'LinuxError', code: 'EINVAL' }));
  expect(existsSync(join(house, 'tree'))).toBe(true);
});
