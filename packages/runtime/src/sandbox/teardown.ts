import { type BlockingPool, PoolError } from '@hatchery/blocking-io';
import { closeFd, TeardownError } from '@hatchery/linux';
import { HatcheryError } from '../errors.ts';
import type { LentLease } from '../instance/range-pool.ts';

/**
 * What there is of a sandbox, from a full one down to the debris of a half-made one. A teardown takes out what it has
 * dealt with, so that one that failed can be run again.
 */
export interface Remains {
  readonly id: string;
  /** The sandbox's, in the run directory. */
  readonly directory: string;
  /** The head of its record: whom to end, and what to remove. */
  readonly head: string;
  /** Closed once init is dead. null: its runner is dead, or it was never cloned. */
  initPidfd: number | null;
  /** Closed in a worker: whoever closes it last pays for the unmounting (5 ms a thousand files). */
  rootFd: number | null;
  /** Takes the root of a sandbox of which nothing else is left, to be unmounted later; null: that is part of the teardown. */
  readonly dropRoot: ((rootFd: number) => void) | null;
  /** Goes back to its pool where there is room; null: its link is removed. */
  readonly lease: LentLease | null;
  /** Runs when every process is gone: exits are settled before anything is released. */
  onDead: (() => void | Promise<void>) | null;
}

/** `all`, or all but the root on disk and the directory with the record, for a later start. */
export type TeardownExtent = 'all' | 'all but the root on disk';

/** What was still alive when a teardown began: leaks stay visible that way. */
export interface Survivors {
  readonly alive: number;
  /** As the host sees them; the first of many. */
  readonly pids: readonly number[];
}

/** A killed process unwinds at once; one that is stuck in the kernel must not keep a worker from the others for long. */
const waitMs = 2000;

/**
 * Ends a sandbox and removes everything that is there of it, whatever state it is in; nothing is asked of the sandbox
 * itself. The steps are one table in C (`native/teardown` in `@hatchery/linux`), which the shim's mode `delete` runs, too.
 * What could be reused by another (ids, directory) is released only after the kernel has said that nobody is left.
 * Rejects with ERR_RESOURCES naming the step that failed; the record stays, and the teardown can be run again.
 */
export async function teardown(workers: BlockingPool, remains: Remains, extent: TeardownExtent): Promise<Survivors> {
  try {
    const { directory, head } = remains;
    const survivors = await workers.run('endSandbox', { directory, head, waitMs });
    await remains.onDead?.();
    remains.onDead = null;
    // Not before: whoever waits for a new connection to init learns of its death by this.
    if (remains.initPidfd !== null) closeFd(remains.initPidfd);
    remains.initPidfd = null;
    const keeps = extent !== 'all';
    const keep = { keepRoot: keeps, keepDirectory: keeps, keepRange: remains.lease?.staysLeased() ?? false };
    const release = (rootFd: number | null): Promise<void> =>
      workers.run('releaseSandbox', { directory, head, rootFd, waitMs, ...keep });
    if (remains.dropRoot === null) await handOverRoot(remains, release);
    // After it, so that it does not wait for its own root; what fails leaves no root behind either.
    else await release(null).finally(() => dropRoot(remains));
    remains.lease?.release();
    return survivors;
  } catch (cause) {
    throw teardownError(remains.id, cause);
  }
}

function dropRoot(remains: Remains): void {
  if (remains.rootFd !== null) remains.dropRoot?.(remains.rootFd);
  remains.rootFd = null;
}

/** A job that has begun closes it whatever else happens there; one that has not leaves it to the next attempt. */
async function handOverRoot(remains: Remains, job: (rootFd: number | null) => Promise<void>): Promise<void> {
  const { rootFd } = remains;
  remains.rootFd = null;
  try {
    await job(rootFd);
  } catch (error) {
    if (error instanceof PoolError && !error.started) remains.rootFd = rootFd;
    throw error;
  }
}

function teardownError(id: string, cause: unknown): Error {
  const happened = cause instanceof Error ? cause.message : String(cause);
  const step = cause instanceof TeardownError ? cause.step : null;
  const where = step === null ? '' : `step "${step}": `;
  const text = `destroy of sandbox ${id}: ${where}${happened}; its record is kept, destroy it again`;
  return new HatcheryError('ERR_RESOURCES', text, { step, cause });
}
