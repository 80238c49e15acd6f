import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type LeakScope, leakedSince, listBelongings } from './leak-check.ts';

/** Undone in reverse, also when the test fails half-way. */
function makeScope(stack: DisposableStack): LeakScope {
  const directory = mkdtempSync(join(tmpdir(), 'hatchery-leaks-'));
  stack.defer(() => rmSync(directory, { recursive: true }));
  return { runDirectory: directory, instance: `leaks-${randomBytes(5).toString('hex')}` };
}

test('a process, a cgroup, a mount, a namespace, a descriptor and a directory left behind are each found', async () => {
  using stack = new DisposableStack();
  const scope = makeScope(stack);
  const before = listBelongings(scope);
  expect(Object.values(leakedSince(before, scope)).flat()).toEqual([]);

  const sandboxDirectory = join(scope.runDirectory, 'instances', scope.instance, 'sandboxes', 'i1');
  mkdirSync(sandboxDirectory, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', 'none', sandboxDirectory]);
  stack.defer(() => execFileSync('umount', [sandboxDirectory]));

  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' '));
  const unified = mounts.find((fields) => fields.includes('cgroup2'))?.[4] ?? '';
  const cgroup = join(unified, scope.instance);
  mkdirSync(cgroup);
  stack.defer(() => rmdirSync(cgroup));

  const fd = openSync(sandboxDirectory, 'r');
  stack.defer(() => closeSync(fd));

  // In a network namespace of its own; `cat` ends with its standard input.
  const child = spawn('unshare', ['-n', 'sh', '-c', 'echo ready; exec cat'], {
    env: { ...process.env, SP_INSTANCE: scope.instance },
  });
  await once(child.stdout, 'data');

  const found = leakedSince(before, scope);
  const ended = once(child, 'exit');
  child.stdin.end();
  await ended;
  expect(found.processes.map((line) => line.split(' ')[0])).toEqual([String(child.pid)]);
  expect(found.cgroups).toEqual([cgroup]);
  expect(found.mounts).toHaveLength(1);
  expect(found.namespaces.filter((name) => name.startsWith('net:'))).toHaveLength(1);
  expect(found.descriptors).toContain(`${fd} ${sandboxDirectory}`);
  expect(found.directories).toEqual([sandboxDirectory]);
});
