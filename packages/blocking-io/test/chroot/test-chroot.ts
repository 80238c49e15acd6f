import { existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, vi } from 'vitest';
import { BlockingPool, type Chroot, type ChrootOptions, openChroot } from '../../src/index.ts';

// A worker thread and a process each: on a machine that others use, seconds.
vi.setConfig({ testTimeout: 60_000 });

export interface TestChroot {
  readonly chroot: Chroot;
  readonly pool: BlockingPool;
  /** Of the root, on the host; `secret` beside it is what nobody must see or change. */
  readonly root: string;
  /** The path of something in the root, on the host. */
  readonly at: (path: string) => string;
}

/** Where a hundred thousand files take no seconds. */
export const memory: string = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A chroot on an empty directory. After the test no descriptor of it may be left. */
export async function testChroot(options: ChrootOptions = {}, base: string = tmpdir()): Promise<TestChroot> {
  const house = mkdtempSync(join(base, 'hatchery-chroot-'));
  const root = join(house, 'root');
  mkdirSync(root);
  const pool = await BlockingPool.open({ minThreads: 0, holderThreads: 1 });
  const chroot = await openChroot(pool, root, options);
  onTestFinished(async () => {
    await chroot.close();
    const left = openFilesBelow(house);
    await pool.close();
    rmSync(house, { recursive: true, force: true });
    expect(left).toEqual([]);
  });
  return { chroot, pool, root, at: (path) => join(root, path) };
}

/** Open descriptors of this process on files below a directory. */
export function openFilesBelow(directory: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith(directory) ? [target] : [];
    } catch {
      return [];
    }
  });
}
