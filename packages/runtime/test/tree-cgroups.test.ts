import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TreeCgroups } from '../src/execution/tree-cgroups.ts';
import { temporaryDirectory } from './temporary-directory.ts';

// Directories stand for cgroups. Mutation: close() does nothing.
test('inv-40: what is left of an ended sandbox does nothing in another one that has its descriptor’s number', () => {
  const [first, second] = [temporaryDirectory(), temporaryDirectory()];
  const fd = openSync(first, 'r');
  const trees = new TreeCgroups(fd, process.getuid?.() ?? 0);
  // Executions of all sandboxes are numbered alike.
  for (const parent of [first, second]) plant(join(parent, 'x7'));
  const tree = trees.find(7);
  tree?.signal('SIGKILL');
  expect(readFileSync(join(first, 'x7/cgroup.kill'), 'latin1')).toBe('1');
  trees.close();
  closeSync(fd);
  const again = openSync(second, 'r');
  expect(again).toBe(fd);
  tree?.signal('SIGKILL');
  if (tree !== null) trees.remove(tree);
  closeSync(again);
  expect(readFileSync(join(second, 'x7/cgroup.kill'), 'latin1')).toBe('');
  expect(existsSync(join(second, 'x7'))).toBe(true);
});

function plant(path: string): void {
  mkdirSync(path);
  writeFileSync(join(path, 'cgroup.kill'), '');
}
