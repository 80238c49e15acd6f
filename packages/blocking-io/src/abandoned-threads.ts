import { writeSync } from 'node:fs';
import { inspect } from 'node:util';
import { isMainThread, type Worker } from 'node:worker_threads';
import { exitImmediately } from '@hatchery/linux';

/** Of every pool of the process: the end of the process waits for each. */
const abandoned = new Set<Worker>();

/**
 * Threads that were told to end and hang in a system call. Nothing can end such a thread; it ends by itself when the
 * kernel lets go of it, and until then it is counted here.
 */
export class AbandonedThreads {
  readonly #threads = new Set<Worker>();

  get count(): number {
    return this.#threads.size;
  }

  add(worker: Worker, onEnd: () => void): void {
    this.#threads.add(worker);
    abandoned.add(worker);
    if (abandoned.size === 1) guardEnd();
    worker.once('exit', () => {
      this.#threads.delete(worker);
      abandoned.delete(worker);
      if (abandoned.size === 0) unguardEnd();
      onEnd();
    });
    // It must not keep the process alive. Piscina refs it once its port is closed, to see its end; not this one's.
    worker.ref = () => {};
    worker.unref();
  }
}

/** Node joins every thread before it ends and would wait for these for ever. */
function guardEnd(): void {
  // Only the main thread's end is the process's.
  if (!isMainThread) return;
  process.on('exit', leaveWithoutThem);
  process.on('uncaughtExceptionMonitor', tellFatalError);
}

function unguardEnd(): void {
  process.off('exit', leaveWithoutThem);
  process.off('uncaughtExceptionMonitor', tellFatalError);
}

function leaveWithoutThem(status: number): void {
  exitImmediately(status & 0xff);
}

/** Node tells of an error that ends the process after its `exit` event, from which nothing returns here. */
function tellFatalError(error: unknown): void {
  if (process.listenerCount('uncaughtException') > 0 || process.hasUncaughtExceptionCaptureCallback()) return;
  try {
    writeSync(2, `Uncaught ${inspect(error)}\n`);
  } catch {
    // Nobody listens there.
  }
}
