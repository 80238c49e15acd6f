import { Job } from './job.ts';
import { Lane } from './lane.ts';
import { valueOf } from './outcome.ts';
import { closedError, PoolError } from './pool-error.ts';
import { type CallOptions, type CompiledOptions, checkCall } from './pool-options.ts';
import { stuckError } from './stuck-error.ts';
import type { JobRule } from './tables.ts';
import type { ThreadTask } from './thread-task.ts';
import type { Threads } from './threads.ts';
import { WaitTimes } from './wait-times.ts';
import type { WorkerReply } from './worker/serve.ts';

type Rules = Readonly<Record<string, JobRule | undefined>>;

/** Who serves jobs. `reserve`: for urgent ones alone; null: there are none. */
export interface Crews {
  readonly ordinary: Threads;
  readonly reserve: Threads | null;
}

/** One is enough for what is urgent to begin; how much of it begins at a time is for the others to say. */
const reservePlaces = 1;

/** The queue of jobs and those that run: at most `threads` at a time, oldest first, and beside them one that is urgent. */
export class JobRunner {
  readonly waits: WaitTimes = new WaitTimes();
  /** Jobs whose deadline passed. */
  stuck = 0;
  readonly #options: CompiledOptions;
  readonly #rules: Rules;
  readonly #ordinary: Lane;
  readonly #reserve: Lane | null;
  /** The reserve first: what is urgent leaves the others their threads. */
  readonly #lanes: readonly Lane[];
  /** In the order of their calls, urgent ones among them. */
  readonly #waiting = new Set<Job>();
  readonly #urgent = new Set<Job>();
  #closed = false;

  constructor({ ordinary, reserve }: Crews, options: CompiledOptions, rules: Rules) {
    this.#options = options;
    this.#rules = rules;
    this.#ordinary = new Lane(ordinary, options.threads);
    this.#reserve = reserve === null ? null : new Lane(reserve, reservePlaces);
    this.#lanes = this.#reserve === null ? [this.#ordinary] : [this.#reserve, this.#ordinary];
  }

  /**
   * Starts threads before there is a job. One that comes meanwhile waits for these; it starts none beside them. Resolves when
   * they are up, or could not be started, which the first job is told.
   */
  async startAhead(): Promise<void> {
    const { minThreads } = this.#options;
    const starts = Array.from({ length: minThreads }, () => this.#startThread('open', this.#ordinary));
    if (this.#reserve !== null && minThreads > 0) starts.push(this.#startThread('open', this.#reserve));
    await Promise.all(starts);
  }

  get queued(): number {
    return this.#waiting.size;
  }

  get running(): number {
    return this.#lanes.reduce((sum, { running }) => sum + running.size, 0);
  }

  run(step: string, argument: unknown, options: CallOptions): Promise<unknown> {
    const refusal = this.#refusal(step, options);
    if (refusal !== null) return Promise.reject(refusal.reason);
    const job = new Job(step, argument, options.timeoutMs ?? this.#options.stuckAfterMs);
    if (options.signal !== undefined) job.onAbort(options.signal, () => this.#takeOut(job));
    this.#waiting.add(job);
    if (this.#isUrgent(step)) this.#urgent.add(job);
    this.#startNext();
    return job.settled;
  }

  /** Refuses what waits, gives what runs `graceMs` to come back, and tells those that do not that the pool is closed. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    this.#refuseWaiting((job) => closedError(job.step));
    const running = (): [ThreadTask, Job][] => this.#lanes.flatMap((lane) => [...lane.running]);
    if (this.running === 0) return;
    const timeUp = Promise.withResolvers<void>();
    const timer = setTimeout(timeUp.resolve, graceMs);
    const ended = running().map(([task]) => task.ended);
    await Promise.race([Promise.allSettled(ended), timeUp.promise]);
    clearTimeout(timer);
    for (const [, job] of running()) {
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
    const lanes = this.#lanesFor(step);
    if (lanes.every((lane) => lane.isExhausted)) return { reason: exhaustedError(step, this.#options) };
    const { maxQueue, threads } = this.#options;
    const running = lanes.reduce((sum, lane) => sum + lane.running.size, 0);
    const places = lanes.reduce((sum, lane) => sum + lane.places, 0);
    // What is urgent waits behind its like alone.
    const waiting = this.#isUrgent(step) ? this.#urgent.size : this.#waiting.size;
    if (running + waiting < places + maxQueue) return null;
    const text = `${waiting} jobs wait for ${threads} threads and no more may; try again later`;
    return { reason: new PoolError({ code: 'ERR_POOL_QUEUE_FULL', step, text }) };
  }

  #ruleOf(step: string): JobRule | undefined {
    return Object.hasOwn(this.#rules, step) ? this.#rules[step] : undefined;
  }

  #isUrgent(step: string): boolean {
    return this.#ruleOf(step)?.urgent === true;
  }

  /** Those in which such a job may run. */
  #lanesFor(step: string): readonly Lane[] {
    return this.#isUrgent(step) ? this.#lanes : [this.#ordinary];
  }

  #waitingFor(lane: Lane): Set<Job> {
    return lane === this.#reserve ? this.#urgent : this.#waiting;
  }

  #takeOut(job: Job): void {
    this.#waiting.delete(job);
    this.#urgent.delete(job);
  }

  #start(job: Job, lane: Lane): void {
    try {
      this.#ruleOf(job.step)?.give?.(job.argument as never);
    } catch (error) {
      job.reject(error);
      return;
    }
    const task = lane.threads.start(job.step, { job: job.step, argument: job.argument });
    lane.running.set(task, job);
    job.startDeadline(() => this.#deadlinePassed(job, task, lane));
    task.ended.then(
      (reply) => this.#ended(task, lane, () => this.#deliver(job, reply as WorkerReply)),
      (error: unknown) => this.#ended(task, lane, () => job.reject(error)),
    );
  }

  #deliver(job: Job, reply: WorkerReply): void {
    this.waits.record(reply.startedMs - job.calledMs);
    try {
      const value = valueOf(reply.outcome);
      const rule = this.#ruleOf(job.step);
      rule?.receive?.(value as never);
      if (job.abandoned) rule?.discard?.(value as never);
      job.finish(value);
    } catch (thrown) {
      job.reject(thrown);
    }
  }

  #ended(task: ThreadTask, lane: Lane, tell: () => void): void {
    lane.hanging.delete(task);
    if (lane.running.delete(task)) this.#startNext();
    tell();
  }

  #startNext(): void {
    for (const lane of this.#lanes) {
      const waiting = this.#waitingFor(lane);
      for (const job of waiting) {
        if (!lane.hasRoom) break;
        this.#takeOut(job);
        this.#start(job, lane);
      }
      const [first] = waiting;
      if (first === undefined) continue;
      const missing = Math.min(waiting.size, lane.places - lane.running.size);
      while (lane.starting < missing) void this.#startThread(first.step, lane);
    }
  }

  async #startThread(step: string, lane: Lane): Promise<void> {
    lane.starting += 1;
    try {
      await lane.threads.startOne(step);
      lane.starting -= 1;
    } catch (error) {
      lane.starting -= 1;
      // Otherwise the end of another job tries again.
      this.#refuseWaiting(
        () => error as PoolError,
        ({ isDeserted }) => isDeserted,
      );
      return;
    }
    this.#startNext();
  }

  #deadlinePassed(job: Job, task: ThreadTask, lane: Lane): void {
    this.stuck += 1;
    const { threads } = lane;
    const replaced = threads.giveUp(task);
    const error = stuckError(job.step, job.timeoutMs, replaced);
    this.#options.logger.error(
      { step: job.step, timeoutMs: job.timeoutMs, replaced, abandoned: threads.abandoned.count },
      error.message,
    );
    job.reject(error);
    if (replaced) {
      if (lane.running.delete(task)) this.#startNext();
      return;
    }
    lane.hanging.add(task);
    this.#refuseWaiting(
      ({ step }) => exhaustedError(step, this.#options),
      ({ isExhausted }) => isExhausted,
    );
  }

  /** Those that no lane is left for. */
  #refuseWaiting(reason: (job: Job) => PoolError, isLost: (lane: Lane) => boolean = () => true): void {
    for (const job of this.#waiting) {
      if (!this.#lanesFor(job.step).every(isLost)) continue;
      this.#takeOut(job);
      job.reject(reason(job));
    }
  }
}

function exhaustedError(step: string, options: CompiledOptions): PoolError {
  const text =
    `all ${options.threads} threads hang in a system call and ${options.maxAbandoned} more were abandoned before; ` +
    'nothing was started. Look at the storage that those calls wait for';
  return new PoolError({ code: 'ERR_POOL_EXHAUSTED', step, text });
}
