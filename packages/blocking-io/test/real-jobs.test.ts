import {
  existsSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeFd, LinuxError, makePipe, registeredFds, TeardownError } from '@hatchery/linux';
import { expect, onTestFinished, test } from 'vitest';
import { BlockingPool } from '../src/index.ts';
import { memory } from './chroot/test-chroot.ts';
import { until } from './hostile-pool.ts';

test('a descriptor given to a job is the job’s from its beginning on, and the caller’s if it never began', async () => {
  await using pool = await BlockingPool.open({ threads: 1, maxQueue: 0 });
  const [readEnd, writeEnd] = makePipe();
  const busy = pool.run('closeDescriptor', { fd: readEnd });
  const refused = pool.run('closeDescriptor', { fd: writeEnd });
  await expect(refused).rejects.toMatchObject({ code: 'ERR_POOL_QUEUE_FULL', started: false });
  expect(registeredFds()).toContain(writeEnd);
  await busy;
  await pool.run('closeDescriptor', { fd: writeEnd });
  for (const fd of [readEnd, writeEnd]) expect(() => closeFd(fd)).toThrow(LinuxError);
  await expect(pool.run('closeDescriptor', { fd: 0 })).rejects.toMatchObject({ code: 'EBADF', syscall: 'releaseFd' });
});

test('a tree is removed, and what its links lead to is not', async () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'tree/a/b'), { recursive: true });
  writeFileSync(join(directory, 'kept'), '');
  symlinkSync(join(directory, 'kept'), join(directory, 'tree/a/link'));
  await using pool = await BlockingPool.open();
  expect(await pool.run('removeTree', { directory, name: 'tree' })).toEqual({ removed: 4 });
  expect(readdirSync(directory)).toEqual(['kept']);
  expect(await pool.run('removeTree', { directory, name: 'tree' })).toEqual({ removed: 0 });
  await expect(pool.run('removeTree', { directory, name: '../x' })).rejects.toMatchObject({
    name: 'LinuxError',
    code: 'EINVAL',
  });
});

test('a tree is removed in parts, between which other jobs come', async () => {
  // Mutation: PART_ENTRIES = 200_000.
  const directory = temporaryDirectory(memory);
  mkdirSync(join(directory, 'tree'));
  for (let count = 0; count < 20_000; count += 1) writeFileSync(join(directory, 'tree', String(count)), '');
  await using pool = await BlockingPool.open({ threads: 1 });
  const tree = { directory, name: 'tree' };
  expect(await pool.run('removeTreePart', tree)).toBe(false);
  expect(await pool.run('removeTreePart', tree)).toBe(true);
  expect(await pool.run('removeTreePart', tree)).toBe(true);
  expect(existsSync(join(directory, 'tree'))).toBe(false);
});

test('inv-34: the main loop goes on turning while a job removes 10,000 files', async () => {
  // Red when `JobRunner.run` calls the job itself: two turns.
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'tree'));
  for (let count = 0; count < 10_000; count += 1) writeFileSync(join(directory, 'tree', String(count)), '');
  await using pool = await BlockingPool.open({ threads: 1 });
  let removed: number | null = null;
  const removal = pool.run('removeTree', { directory, name: 'tree' }).then((result) => (removed = result.removed));
  let turns = 0;
  await until(() => {
    turns += 1;
    return removed !== null;
  });
  expect(await removal).toBe(10_001);
  expect(turns).toBeGreaterThan(20);
});

test('filesystems are synced and mounts detached by path; what is neither is refused by name', async () => {
  const directory = temporaryDirectory();
  await using pool = await BlockingPool.open();
  expect(await pool.run('syncFileSystem', { path: directory })).toBeUndefined();
  await expect(pool.run('syncFileSystem', { path: join(directory, 'nothing') })).rejects.toMatchObject({
    code: 'ENOENT',
    syscall: 'openat2',
  });
  await expect(pool.run('unmount', { path: join(directory, 'nothing') })).rejects.toBeInstanceOf(LinuxError);
});

test('a step of a teardown that fails arrives as a TeardownError, and the root is let go of all the same', async () => {
  const directory = temporaryDirectory();
  await using pool = await BlockingPool.open();
  const [rootFd, writeEnd] = makePipe();
  const request = { directory, head: 'no head at all', waitMs: 1000 };
  // Both at once: the second may fail while the first is waited for.
  const runs = [pool.run('endSandbox', request), pool.run('releaseSandbox', { ...request, rootFd })];
  for (const { reason: error } of (await Promise.allSettled(runs)) as PromiseRejectedResult[]) {
    expect(error).toBeInstanceOf(TeardownError);
    expect(error).toMatchObject({ code: 'EINVAL', step: expect.any(String) as string });
  }
  expect(existsSync(directory)).toBe(true);
  expect(() => fstatSync(rootFd)).toThrow('EBADF');
  closeFd(writeEnd);
});

function temporaryDirectory(base: string = tmpdir()): string {
  const directory = mkdtempSync(join(base, 'hatchery-jobs-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}
