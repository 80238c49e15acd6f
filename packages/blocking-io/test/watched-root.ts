import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  BlockingPool,
  type Chroot,
  type ChrootChange,
  type ChrootWatch,
  type ChrootWatchOptions,
  openChroot,
  type PoolOptions,
} from '../src/index.ts';

/** In memory, where there is some: on a disk that others use, too, a hundred thousand changes take minutes. */
const MEMORY = '/dev/shm';

export interface WatchedRoot {
  readonly pool: BlockingPool;
  readonly chroot: Chroot;
  /** A directory with `root` and `outside` in it. */
  readonly directory: string;
  /** Path on the host of a path in the root. */
  readonly at: (path: string) => string;
  /** Once it stands. */
  readonly watch: (path: string, options?: ChrootWatchOptions) => Promise<ChrootWatch>;
}

/** A root with a pool to watch it, both gone when the test is over. */
export async function watchedRoot(options: PoolOptions = {}): Promise<WatchedRoot> {
  const directory = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'hatchery-watch-'));
  const root = join(directory, 'root');
  mkdirSync(root);
  mkdirSync(join(directory, 'outside'));
  const pool = await BlockingPool.open({ minThreads: 0, ...options });
  const chroot = await openChroot(pool, root);
  onTestFinished(async () => {
    await pool.close();
    rmSync(directory, { recursive: true });
  });
  return {
    pool,
    chroot,
    directory,
    at: (path) => join(root, path),
    watch: async (path, watchOptions) => {
      const watch = chroot.watch(path, watchOptions);
      await watch.ready;
      return watch;
    },
  };
}

/** `create a`, `rename a > b` */
export function lineOf({ type, path, from }: ChrootChange): string {
  return from === undefined ? `${type} ${path}` : `${type} ${from} > ${path}`;
}

/** What is told before the directory `path` is; make that last. */
export async function linesUntil(watch: ChrootWatch, path: string): Promise<string[]> {
  const lines: string[] = [];
  for (;;) {
    const { value, done } = await watch.next();
    if (done === true) throw new Error(`the watch ended after ${lines.join(', ')}`);
    if (value.type === 'create' && value.path === path) return lines;
    lines.push(lineOf(value));
  }
}

/** All that is told until the watch ends. */
export async function linesToEnd(watch: ChrootWatch): Promise<string[]> {
  const lines: string[] = [];
  for await (const change of watch) lines.push(lineOf(change));
  return lines;
}
