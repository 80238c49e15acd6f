import { setTimeout as delay } from 'node:timers/promises';
import { type BlockingPool, PoolError } from '@hatchery/blocking-io';
import { closeFd } from '@hatchery/linux';
import type { Logger } from '../types.ts';

/** Roots that are still mounted when nothing else is left of their sandboxes; past it a destroy waits for its turn. */
const most = 256;
/** Closed by one job while they are small; one that took long is followed by one at a time. */
const perJob = 8;
/** What a job may hold a processor for: kernel teardown is not preempted, and the main loop may want that one. */
const sliceMs = 2;
/** After a root with many files; what it filled is needed by others. */
const longestRestMs = 10;

/**
 * Unmounts the roots of sandboxes that have ended, one job at a time, and rests after each for as long as it took: the
 * last descriptor of a root in memory pays for the removal of all its files (5 ms a thousand), and nobody waits for that.
 * Until then a root is held by nothing but its descriptor, so it goes with this process, however that ends.
 */
export class Reaper {
  readonly #workers: Pick<BlockingPool, 'run'>;
  readonly #logger: Logger;
  readonly #waiting: { readonly fd: number; readonly gone: () => void }[] = [];
  #closing = 0;
  #isReaping = false;
  readonly #room: (() => void)[] = [];
  #perJob = perJob;

  constructor(workers: Pick<BlockingPool, 'run'>, logger: Logger) {
    this.#workers = workers;
    this.#logger = logger;
  }

  /** Roots that wait to be unmounted, and those that are being. */
  get held(): number {
    return this.#waiting.length + this.#closing;
  }

  /** Owns the descriptor from now on. The promise never rejects; it resolves when the root is unmounted. */
  take(rootFd: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ fd: rootFd, gone: resolve });
    if (!this.#isReaping) void this.#reap();
    return promise;
  }

  /** null: there is room for another root. First come, first served. */
  room(): Promise<void> | null {
    return this.held <= most ? null : new Promise((resolve) => this.#room.push(resolve));
  }

  async #reap(): Promise<void> {
    this.#isReaping = true;
    while (this.#waiting.length > 0) {
      const tookMs = await this.#closeNext();
      while (this.held <= most && this.#room.length > 0) this.#room.shift()?.();
      if (this.#waiting.length > 0) await delay(Math.min(tookMs, longestRestMs));
    }
    this.#isReaping = false;
  }

  async #closeNext(): Promise<number> {
    const roots = this.#waiting.splice(0, this.#perJob);
    const fds = roots.map(({ fd }) => fd);
    this.#closing = fds.length;
    try {
      const tookMs = await this.#workers.run('closeDescriptors', { fds });
      this.#perJob = Math.min(perJob, Math.max(1, Math.floor((sliceMs * fds.length) / tookMs)));
      return tookMs;
    } catch (error) {
      this.#logger.error(
        { err: error, roots: fds.length },
        'the roots of ended sandboxes could not be unmounted by a worker',
      );
      // A job that has begun owns them. For one that never did there is no other thread: late is better than never.
      if (error instanceof PoolError && !error.started) for (const fd of fds) closeFd(fd);
      return 0;
    } finally {
      this.#closing = 0;
      for (const { gone } of roots) gone();
    }
  }
}
