import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cloneTree, closeFd, currentDirectory, OpenFlag, openat2 } from '../src/index.ts';

let directory: string;
let mounts: string;

beforeEach((context) => {
  if (process.getuid?.() !== 0) context.skip('needs root, to copy a mount');
  mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  directory = mkdtempSync(join(tmpdir(), 'hatchery-linux-'));
  mkdirSync(join(directory, 'tree/sub'), { recursive: true });
  writeFileSync(join(directory, 'tree/file'), 'content');
});
afterEach(() => {
  rmSync(directory, { recursive: true });
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(mounts);
});

function contentOf(tree: number, path: string): string {
  const fd = openat2(tree, path, { flags: OpenFlag.O_RDONLY });
  try {
    return readFileSync(fd, 'utf8');
  } finally {
    closeFd(fd);
  }
}

// Mutation: open_tree without OPEN_TREE_CLONE: `..` of the tree is then the host's directory.
test('the copy shows the directory from there down, attached nowhere, and nothing above it', () => {
  const tree = cloneTree(currentDirectory, join(directory, 'tree'));
  expect(contentOf(tree, 'file')).toBe('content');
  expect(readdirSync(`/proc/self/fd/${tree}/..`).toSorted()).toEqual(['file', 'sub']);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(mounts);
  closeFd(tree);
});

// Mutation: AT_RECURSIVE.
test('what is mounted below is not in the copy', () => {
  const place = join(directory, 'tree/sub');
  execFileSync('mount', ['-t', 'tmpfs', 'hatchery-test', place]);
  let tree = -1;
  try {
    writeFileSync(join(place, 'hidden'), '');
    tree = cloneTree(currentDirectory, join(directory, 'tree'));
    expect(readdirSync(`/proc/self/fd/${tree}/sub`)).toEqual([]);
  } finally {
    if (tree >= 0) closeFd(tree);
    execFileSync('umount', [place]);
  }
});

test('the empty path copies the open directory itself, by descriptor', () => {
  const open = openat2(currentDirectory, join(directory, 'tree'), { flags: OpenFlag.O_PATH | OpenFlag.O_DIRECTORY });
  const tree = cloneTree(open, '');
  closeFd(open);
  expect(contentOf(tree, 'file')).toBe('content');
  closeFd(tree);
});

// Mutation: drop AT_SYMLINK_NOFOLLOW.
test('a symlink at the end is not followed', () => {
  symlinkSync('tree', join(directory, 'link'));
  const tree = cloneTree(currentDirectory, join(directory, 'link'));
  expect(() => contentOf(tree, 'file')).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
  closeFd(tree);
});

test('a path that is not there is a LinuxError naming it', () => {
  expect(() => cloneTree(currentDirectory, join(directory, 'none'))).toThrow(
    expect.objectContaining({ code: 'ENOENT', syscall: 'open_tree', detail: expect.stringContaining('none') }),
  );
});
