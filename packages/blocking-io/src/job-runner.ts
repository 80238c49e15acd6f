import { Job } from './job.ts';
import { valueOf } from './outcome.ts';
import { closedError, PoolError } from './pool-error.ts';
import { type CallOptions, type CompiledOptions, checkCall } from './pool-options.ts';
import { stuckError } from './stuck-error.ts';
import type { OwnershipRule } from './tables.ts';
import type { ThreadTask } from './thread-task.ts';
import type { Threads } from './threads.ts';
import { WaitTimes } from './wait-times.ts';
import type { WorkerReply } from './worker/serve.ts';

type Rules = Readonly<Record<string, OwnershipRule | undefined>>;

/** The queue of jobs and those that run: at most `threads` at a time, oldest first. */
export class JobRunner {
  readonly waits: WaitTimes = new WaitTimes();
  /** Jobs whose deadline passed. */
  stuck = 0;
  readonly #threads: Threads;
  readonly #options: CompiledOptions;
  readonly #waiting = new Set<Job>();
  readonly #running = new Map<ThreadTask, Job>();
  /** Of `#running`: given up, but nothing may take their threads' place. */
  readonly #hanging = new Set<ThreadTask>();
  /** Threads that are being started for those that wait. */
  #starting = 0;
  #closed = false;

  readonly #rules: Rules;

  constructor(threads: Threads, options: CompiledOptions, rules: Rules) {
    this.#threads = threads;
    this.#options = options;
    this.#rules = rules;
  }

  /** Starts threads before there is a job. One that comes meanwhile waits for these; it starts none beside them. */
  startAhead(): void {
    // One that cannot be started is told by the first job.
    for (let count = 0; count < this.#options.minThreads; count += 1) this.#startThread('open');
  }

  get queued(): number {
    return this.#waiting.size;
  }

  get running(): number {
    return this.#running.size;
  }

  run(step: string, argument: unknown, options: CallOptions): Promise<unknown> {
    const refusal = this.#refusal(step, options);
    if (refusal !== null) return Promise.reject(refusal.reason);
    const job = new Job(step, argument, options.timeoutMs ?? this.#options.stuckAfterMs);
    if (options.signal !== undefined) job.onAbort(options.signal, () => this.#waiting.delete(job));
    this.#waiting.add(job);
    this.#startNext();
    return job.settled;
  }

  /** Refuses what waits, gives what runs `graceMs` to come back, and tells those that do not that the pool is closed. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    this.#refuseWaiting((job) => closedError(job.step));
    if (this.#running.size === 0) return;
    const timeUp = Promise.withResolvers<void>();
    const timer = setTimeout(timeUp.resolve, graceMs);
    const ended = [...this.#running.keys()].map((task) => task.ended);
    await Promise.race([Promise.allSettled(ended), timeUp.promise]);
    clearTimeout(timer);
    for (const job of this.#running.values()) {
      const text = `the pool was closed and the job did not come back within ${graceMs} ms; it may still take effect`;
      job.reject(new PoolError({ code: 'ERR_POOL_CLOSED', step: job.step, text, started: true }));
    }
  }

  #refusal(step: string, options: CallOptions): { readonly reason: unknown } | null {
    try {
      checkCall(step, options);
    } catch (reason) {
      return { reason };
    }
    if (this.#closed) return { reason: closedError(step) };
    if (this.#exhausted()) return { reason: exhaustedError(step, this.#options) };
    const { maxQueue, threads } = this.#options;
    if (this.#running.size + this.#waiting.size < threads + maxQueue) return null;
    const text = `${this.#waiting.size} jobs wait for ${threads} threads and no more may; try again later`;
    return { reason: new PoolError({ code: 'ERR_POOL_QUEUE_FULL', step, text }) };
  }

  #ruleOf(job: Job): OwnershipRule | undefined {
    return Object.hasOwn(this.#rules, job.step) ? this.#rules[job.step] : undefined;
  }

  #start(job: Job): void {
    try {
      this.#ruleOf(job)?.give?.(job.argument as never);
    } catch (error) {
      job.reject(error);
      return;
    }
    const task = this.#threads.start(job.step, { job: job.step, argument: job.argument });
    this.#running.set(task, job);
    job.startDeadline(() => this.#deadlinePassed(job, task));
    task.ended.then(
      (reply) => this.#ended(task, () => this.#deliver(job, reply as WorkerReply)),
      (error: unknown) => this.#ended(task, () => job.reject(error)),
    );
  }

  #deliver(job: Job, reply: WorkerReply): void {
    this.waits.record(reply.startedMs - job.calledMs);
    try {
      const value = valueOf(reply.outcome);
      const rule = this.#ruleOf(job);
      rule?.receive?.(value as never);
      if (job.abandoned) rule?.discard?.(value as never);
      job.finish(value);
    } catch (thrown) {
      job.reject(thrown);
    }
  }

  #ended(task: ThreadTask, tell: () => void): void {
    this.#hanging.delete(task);
    if (this.#running.delete(task)) this.#startNext();
    tell();
  }

  #startNext(): void {
    const { threads } = this.#options;
    for (const job of this.#waiting) {
      if (this.#running.size >= threads) return;
      if (!this.#threads.idle) break;
      this.#waiting.delete(job);
      this.#start(job);
    }
    const [first] = this.#waiting;
    if (first === undefined) return;
    while (this.#starting < Math.min(this.#waiting.size, threads - this.#running.size)) this.#startThread(first.step);
  }

  #startThread(step: string): void {
    this.#starting += 1;
    this.#threads.startOne(step).then(
      () => {
        this.#starting -= 1;
        this.#startNext();
      },
      (error: PoolError) => {
        this.#starting -= 1;
        // Otherwise the end of another job tries again.
        if (this.#starting + this.#running.size === 0) this.#refuseWaiting(() => error);
      },
    );
  }

  #deadlinePassed(job: Job, task: ThreadTask): void {
    this.stuck += 1;
    const replaced = this.#threads.giveUp(task);
    const error = stuckError(job.step, job.timeoutMs, replaced);
    this.#options.logger.error(
      { step: job.step, timeoutMs: job.timeoutMs, replaced, abandoned: this.#threads.abandoned.count },
      error.message,
    );
    job.reject(error);
    if (replaced) {
      if (this.#running.delete(task)) this.#startNext();
      return;
    }
    this.#hanging.add(task);
    if (this.#exhausted()) this.#refuseWaiting(({ step }) => exhaustedError(step, this.#options));
  }

  #exhausted(): boolean {
    return this.#hanging.size >= this.#options.threads;
  }

  #refuseWaiting(reason: (job: Job) => PoolError): void {
    for (const job of this.#waiting) job.reject(reason(job));
    this.#waiting.clear();
  }
}

function exhaustedError(step: string, options: CompiledOptions): PoolError {
  const text =
    `all ${options.threads} threads hang in a system call and ${options.maxAbandoned} more were abandoned before; ` +
    'nothing was started. Look at the storage that those calls wait for';
  return new PoolError({ code: 'ERR_POOL_EXHAUSTED', step, text });
}
