import { fileURLToPath } from 'node:url';
import type { MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { AbandonedThreads } from './abandoned-threads.ts';
import { closedError, PoolError } from './pool-error.ts';
import type { CompiledOptions } from './pool-options.ts';
import { StartQueue } from './start-queue.ts';
import { ThreadTask } from './thread-task.ts';
import type { WorkerTask } from './worker/serve.ts';

/**
 * The worker threads: started on demand, one task each at a time. A task is only given to a thread that is idle, so that
 * it runs from that moment on and its deadline means what it says.
 */
export class Threads {
  readonly abandoned: AbandonedThreads = new AbandonedThreads();
  /** Threads that ended without being told to. */
  lost = 0;
  /** Stuck threads that another one may take the place of. */
  replaced = 0;
  readonly #piscina: Piscina;
  readonly #queue = new StartQueue();
  readonly #options: CompiledOptions;
  readonly #tasks = new Set<ThreadTask>();
  /** Those who wait for a thread to come up. */
  readonly #starting = new Set<(error: Error) => void>();
  #closed = false;

  constructor(script: URL, options: CompiledOptions) {
    this.#options = options;
    this.#piscina = new Piscina({
      filename: fileURLToPath(script),
      name: 'runTask',
      // The default parks idle workers where no message or event reaches them, Comlink's calls among them.
      atomics: 'disabled',
      minThreads: 0,
      taskQueue: this.#queue,
      idleTimeout: Infinity,
      recordTiming: false,
    });
    this.#piscina.on('error', (error: unknown) => this.#failedWhileIdle(error));
  }

  /** Threads that exist, those that are starting included and abandoned ones not. */
  get count(): number {
    return this.#piscina.threads.length;
  }

  get idle(): boolean {
    return this.#piscina.idleThreads > 0;
  }

  /**
   * Starts a thread and resolves once there is an idle one, be it because another has become free meanwhile. Whoever waits
   * for it looks again: somebody else may have been faster. Rejects with PoolError `ERR_WORKER_LOST`.
   */
  async startOne(step: string): Promise<void> {
    if (this.#closed) throw closedError(step);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#starting.add(reject);
    const timer = setTimeout(() => reject(new Error('it takes too long')), this.#options.stuckAfterMs).unref();
    try {
      // As many as there is something to do for; else a thread that becomes free starts others for what is on its way.
      this.#piscina.options.maxThreads = this.#tasks.size + this.#starting.size;
      this.#runAhead().then(() => resolve(), reject);
      await promise;
    } catch (cause) {
      const text = `no worker thread can be started: ${messageOf(cause)}; nothing was done`;
      throw new PoolError({ code: 'ERR_WORKER_LOST', step, text, cause });
    } finally {
      clearTimeout(timer);
      this.#starting.delete(reject);
    }
  }

  #runAhead(): Promise<unknown> {
    const before = this.#queue.size;
    try {
      return this.#piscina.run({ ahead: true } satisfies WorkerTask);
    } catch (error) {
      this.#queue.forgetBeyond(before);
      throw error;
    }
  }

  /** Gives the task to an idle thread, of which there must be one. */
  start(step: string, message: WorkerTask, transferList: MessagePort[] = []): ThreadTask {
    const task = new ThreadTask(step);
    this.#tasks.add(task);
    this.#piscina.run(message, { signal: task.stop, transferList }).then(
      (reply: unknown) => {
        this.#tasks.delete(task);
        task.settle.resolve(reply);
      },
      (error: unknown) => {
        if (this.#tasks.delete(task)) task.settle.reject(this.#explain(step, error));
      },
    );
    return task;
  }

  /**
   * Gives up on a task that hangs and lets another thread take its thread's place. False, and nothing changes, when there
   * are as many abandoned threads as may be: its thread then stays taken until the task ends by itself.
   */
  giveUp(task: ThreadTask): boolean {
    if (this.abandoned.count >= this.#options.maxAbandoned) return false;
    const { logger } = this.#options;
    const { step } = task;
    this.replaced += 1;
    this.#end(task, (threadId) => {
      logger.info({ step, threadId, abandoned: this.abandoned.count }, 'a thread that was given up has ended');
    });
    return true;
  }

  /** Ends every thread and resolves once they are gone, or after `graceMs` with those that hang abandoned. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    const ends: Promise<unknown>[] = [];
    for (const task of this.#tasks) {
      const ended = Promise.withResolvers<void>();
      this.#end(task, () => ended.resolve());
      ends.push(ended.promise);
    }
    ends.push(this.#piscina.destroy());
    const timeUp = Promise.withResolvers<void>();
    const timer = setTimeout(timeUp.resolve, graceMs);
    await Promise.race([Promise.all(ends), timeUp.promise]);
    clearTimeout(timer);
  }

  #end(task: ThreadTask, onThreadEnd: (threadId: number) => void): void {
    this.#tasks.delete(task);
    // Piscina does not tell which thread it lets go of.
    const before = this.#piscina.threads;
    task.stop.fire();
    const after = new Set(this.#piscina.threads);
    const text = 'its thread was given up; what it did is not known';
    task.settle.reject(new PoolError({ code: 'ERR_WORKER_LOST', step: task.step, text, started: true }));
    for (const worker of before) {
      if (after.has(worker)) continue;
      const { threadId } = worker;
      this.abandoned.add(worker, () => onThreadEnd(threadId));
    }
  }

  #explain(step: string, error: unknown): PoolError {
    if (error instanceof DOMException && error.name === 'DataCloneError') {
      const text = `its argument cannot be sent to a worker: ${error.message}`;
      return new PoolError({ code: 'ERR_POOL_ARGUMENT', step, text, cause: error });
    }
    this.lost += 1;
    this.#options.logger.error({ step, err: error }, 'a worker thread ended during a job');
    const text = `the thread ended before the job did (${messageOf(error)}); what the job did is not known`;
    return new PoolError({ code: 'ERR_WORKER_LOST', step, text, started: true, cause: error });
  }

  /** A thread that cannot start, or that fell over while it had nothing to do. */
  #failedWhileIdle(error: unknown): void {
    this.lost += 1;
    this.#options.logger.error({ err: error }, 'a worker thread ended while it ran no job');
    // Otherwise one of the others serves those who wait.
    if (this.count === 0) for (const reject of this.#starting) reject(error as Error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
