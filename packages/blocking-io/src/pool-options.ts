import { availableParallelism } from 'node:os';
import { PoolError } from './pool-error.ts';

/** A pino-shaped logger. */
export interface PoolLogger {
  /** For what is normal, such as a thread that was replaced. */
  info(context: object, message?: string): void;
  /** For what somebody should look at. */
  error(context: object, message?: string): void;
}

/** Sizes and deadlines of a pool. */
export interface PoolOptions {
  /**
   * Jobs that run at the same time, from 1 to 64. Default: one a processor, at least 2 and at most 4. Beside them one more
   * that is urgent (`endSandbox`), in a thread of its own.
   */
  readonly threads?: number | undefined;
  /**
   * Threads that are started ahead of the first job and without waiting for them, up to `threads`; unless it is 0, the one
   * for urgent jobs with them. Default 1.
   */
  readonly minThreads?: number | undefined;
  /** Threads, beside those for jobs, that hold handles; started by the first `hold`. From 1 to 64, default 2. */
  readonly holderThreads?: number | undefined;
  /** Jobs that may wait for a thread, and calls of one handle that may wait for its thread. Default 10,000. */
  readonly maxQueue?: number | undefined;
  /** Milliseconds after which a job or call counts as stuck, where it gives no `timeoutMs` itself. Default 30,000. */
  readonly stuckAfterMs?: number | undefined;
  /**
   * Stuck threads that may exist beside the pool's own, from 0 to 64: each is one that was replaced. As many again for urgent
   * jobs. Default 8.
   */
  readonly maxAbandoned?: number | undefined;
  /** Milliseconds that `close()` gives to what is running. Default 5000. */
  readonly closeTimeoutMs?: number | undefined;
  /** Told of threads that hang, die or are replaced. Default: nobody. */
  readonly logger?: PoolLogger | undefined;
}

export type CompiledOptions = { readonly [Name in keyof PoolOptions]-?: NonNullable<PoolOptions[Name]> };

/** What every job and call of a handle can be given. */
export interface CallOptions {
  /** Rejects the call at once with the signal's reason. What has not begun never does; what runs is left to finish. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds, once it runs, after which the job counts as stuck. Default: the pool's `stuckAfterMs`. */
  readonly timeoutMs?: number | undefined;
}

/** Longest delay that a Node timer keeps; a longer one would fire at once. */
const MAX_TIMER_MS = 2_147_483_647;
const MAX_THREADS = 64;
const SILENT: PoolLogger = { info() {}, error() {} };

/** @throws PoolError `ERR_POOL_ARGUMENT` */
export function compileOptions(options: PoolOptions): CompiledOptions {
  const threads = options.threads ?? Math.min(4, Math.max(2, availableParallelism()));
  const compiled: CompiledOptions = {
    threads,
    minThreads: options.minThreads ?? Math.min(1, threads),
    holderThreads: options.holderThreads ?? 2,
    maxQueue: options.maxQueue ?? 10_000,
    stuckAfterMs: options.stuckAfterMs ?? 30_000,
    maxAbandoned: options.maxAbandoned ?? 8,
    closeTimeoutMs: options.closeTimeoutMs ?? 5000,
    logger: options.logger ?? SILENT,
  };
  checkCount('threads', threads, 1, MAX_THREADS);
  checkCount('minThreads', compiled.minThreads, 0, threads);
  checkCount('holderThreads', compiled.holderThreads, 1, MAX_THREADS);
  checkCount('maxQueue', compiled.maxQueue, 0, 2 ** 30);
  checkCount('stuckAfterMs', compiled.stuckAfterMs, 1, MAX_TIMER_MS);
  checkCount('maxAbandoned', compiled.maxAbandoned, 0, MAX_THREADS);
  checkCount('closeTimeoutMs', compiled.closeTimeoutMs, 0, MAX_TIMER_MS);
  return compiled;
}

/** @throws PoolError `ERR_POOL_ARGUMENT`, or the signal's reason when it has fired. */
export function checkCall(step: string, options: CallOptions): void {
  const { signal, timeoutMs } = options;
  if (timeoutMs !== undefined) checkCount('timeoutMs', timeoutMs, 1, MAX_TIMER_MS, step);
  if (signal === undefined) return;
  if (!(signal instanceof AbortSignal))
    throw new PoolError({ code: 'ERR_POOL_ARGUMENT', step, text: 'signal must be an AbortSignal' });
  signal.throwIfAborted();
}

function checkCount(name: string, value: number, least: number, most: number, step = 'BlockingPool'): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  const text = `${name} must be a whole number from ${least} to ${most}, not ${String(value)}`;
  throw new PoolError({ code: 'ERR_POOL_ARGUMENT', step, text });
}
