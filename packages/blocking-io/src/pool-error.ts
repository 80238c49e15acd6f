/**
 * The closed list of what can go wrong in this package, beside the errors of the jobs themselves.
 *
 * - `ERR_POOL_ARGUMENT`: an option or argument that cannot be; nothing was started.
 * - `ERR_POOL_CLOSED`: the pool is closed, or its close ended a job that did not come back in time.
 * - `ERR_POOL_QUEUE_FULL`: so many jobs wait that no more are taken in.
 * - `ERR_POOL_EXHAUSTED`: every thread hangs and no more may be started in their place.
 * - `ERR_JOB_STUCK`: the job did not come back before its deadline. It may still take effect.
 * - `ERR_WORKER_LOST`: the thread ended during the job, or could not be started.
 * - `ERR_HANDLE_CLOSED`: the handle was closed before.
 */
export type PoolErrorCode =
  | 'ERR_POOL_ARGUMENT'
  | 'ERR_POOL_CLOSED'
  | 'ERR_POOL_QUEUE_FULL'
  | 'ERR_POOL_EXHAUSTED'
  | 'ERR_JOB_STUCK'
  | 'ERR_WORKER_LOST'
  | 'ERR_HANDLE_CLOSED';

export interface PoolErrorDetails {
  readonly code: PoolErrorCode;
  /** The job, or the call, that failed. */
  readonly step: string;
  /** What was tried on what, what happened, what to do. */
  readonly text: string;
  /** Default false. */
  readonly started?: boolean;
  readonly cause?: unknown;
}

/** What the pool itself has to say; what a job threw is passed on as it was. The message begins with the code. */
export class PoolError extends Error {
  /** Which of the closed list it is. */
  readonly code: PoolErrorCode;
  /** The job, or the call, that failed. */
  readonly step: string;
  /**
   * Whether the job may have begun: then its effect is unknown and descriptors given to it are the job's. When false
   * nothing was done, and what was given to it is still the caller's.
   */
  readonly started: boolean;

  /** @internal */
  constructor(details: PoolErrorDetails) {
    const options = details.cause === undefined ? undefined : { cause: details.cause };
    super(`[${details.code}] ${details.step}: ${details.text}`, options);
    this.name = 'PoolError';
    this.code = details.code;
    this.step = details.step;
    this.started = details.started ?? false;
  }
}

export function closedError(step: string): PoolError {
  return new PoolError({ code: 'ERR_POOL_CLOSED', step, text: 'the pool is closed; nothing was started' });
}
