import type { Handle } from './handle.ts';
import { JobRunner } from './job-runner.ts';
import { type CallOptions, compileOptions, type PoolOptions } from './pool-options.ts';
import { StationDesk } from './station-desk.ts';
import type {
  HolderArgument,
  HolderMethods,
  HolderTable,
  JobArgument,
  JobResult,
  JobRule,
  JobRules,
  JobTable,
} from './tables.ts';
import { Threads } from './threads.ts';
import type { WaitSummary } from './wait-times.ts';

/** Counters run from the opening of the pool on; the rest is as it is now. */
export interface PoolStats {
  /** Threads of the pool, the one for urgent jobs and those that start included, and abandoned ones not. */
  readonly threads: number;
  /** Jobs in a thread. */
  readonly running: number;
  /** Jobs that wait for a thread. */
  readonly queued: number;
  /** Things that workers hold for the main thread. */
  readonly handles: number;
  /** How long jobs waited for their thread. */
  readonly wait: WaitSummary;
  /** Counter: jobs and calls whose deadline passed. */
  readonly stuck: number;
  /** Counter: threads that another one took the place of. */
  readonly replaced: number;
  /** Threads that hang in a system call and were given up; they end when the kernel lets go of them. */
  readonly abandoned: number;
  /** Counter: threads that died. */
  readonly lost: number;
}

/** A pool whose workers run the script with exactly these jobs and handles. */
export class WorkerPool<Jobs extends JobTable<Jobs>, Holders extends HolderTable<Holders>> {
  readonly #threads: Threads;
  /** For urgent jobs alone, whatever the others do: no handle and no other job ever lives there. null: no job is urgent. */
  readonly #reserve: Threads | null;
  readonly #jobs: JobRunner;
  readonly #desk: StationDesk;
  readonly #closeTimeoutMs: number;
  readonly #ready: Promise<void>;
  #closing: Promise<void> | null = null;

  constructor(script: URL, options: PoolOptions, rules: JobRules<Jobs> = {}) {
    const compiled = compileOptions(options);
    this.#closeTimeoutMs = compiled.closeTimeoutMs;
    this.#threads = new Threads(script, compiled);
    const isAnyUrgent = Object.values<JobRule | undefined>(rules).some((rule) => rule?.urgent === true);
    this.#reserve = isAnyUrgent ? new Threads(script, compiled) : null;
    this.#jobs = new JobRunner({ ordinary: this.#threads, reserve: this.#reserve }, compiled, rules);
    this.#desk = new StationDesk(this.#threads, compiled);
    this.#ready = this.#jobs.startAhead();
  }

  /**
   * Runs a job in a worker, as soon as one is free and in the order of the calls. The argument is cloned.
   *
   * Rejects with what the job throws (class, `code`, `errno`, `step` and message kept), with the signal's reason, and with
   * PoolError; its `started` tells whether the job may have begun. A descriptor that the argument names is the job’s from
   * its beginning on, and the caller’s if it never began.
   */
  run<Name extends keyof Jobs & string>(
    job: Name,
    argument: JobArgument<Jobs, Name>,
    options: CallOptions = {},
  ): Promise<JobResult<Jobs, Name>> {
    return this.#jobs.run(job, argument, options) as Promise<JobResult<Jobs, Name>>;
  }

  /** Has a worker make something and keep it. Rejects like `run`. */
  async hold<Kind extends keyof Holders & string>(
    kind: Kind,
    argument: HolderArgument<Holders, Kind>,
    options: CallOptions = {},
  ): Promise<Handle<HolderMethods<Holders, Kind>>> {
    return await this.#desk.hold(kind, argument, options);
  }

  /** Resolves when the threads that start with the pool are up; one that cannot be started is told by the first job that needs it. */
  ready(): Promise<void> {
    return this.#ready;
  }

  /** How the pool is doing now, and what happened to it so far. */
  stats(): PoolStats {
    const crews = this.#crews;
    return {
      threads: sum(crews.map(({ count }) => count)),
      running: this.#jobs.running,
      queued: this.#jobs.queued,
      handles: this.#desk.handles,
      wait: this.#jobs.waits.summary(),
      stuck: this.#jobs.stuck + this.#desk.stuck,
      replaced: sum(crews.map(({ replaced }) => replaced)),
      abandoned: sum(crews.map(({ abandoned }) => abandoned.count)),
      lost: sum(crews.map(({ lost }) => lost)),
    };
  }

  /**
   * Refuses what waits, lets what runs come back within `closeTimeoutMs`, closes the handles and ends every thread. After
   * it nothing of the pool is left but threads that hang in a system call (`stats().abandoned`). Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** The same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const started = performance.now();
    await Promise.all([this.#jobs.close(this.#closeTimeoutMs), this.#desk.close(this.#closeTimeoutMs)]);
    // Ending idle threads takes milliseconds; those that hang must not take the whole time again.
    const left = this.#closeTimeoutMs - (performance.now() - started);
    await Promise.all(this.#crews.map((threads) => threads.close(Math.max(1000, left))));
  }

  get #crews(): Threads[] {
    return this.#reserve === null ? [this.#threads] : [this.#threads, this.#reserve];
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
