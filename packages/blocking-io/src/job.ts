import { monotonicMs } from './monotonic.ts';

/** One call of `run`: settles once, with whatever comes first. */
export class Job {
  readonly calledMs: number = monotonicMs();
  readonly step: string;
  readonly argument: unknown;
  readonly timeoutMs: number;
  readonly settled: Promise<unknown>;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (reason: unknown) => void;
  /** Whether nobody waits for it any more. */
  abandoned = false;
  #timer: NodeJS.Timeout | null = null;
  #forget: (() => void) | null = null;

  constructor(step: string, argument: unknown, timeoutMs: number) {
    this.step = step;
    this.argument = argument;
    this.timeoutMs = timeoutMs;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.settled = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Has the signal reject the call; `drop` takes the job out of where it waits. */
  onAbort(signal: AbortSignal, drop: () => void): void {
    const abort = (): void => {
      drop();
      this.#forget = null;
      // The deadline goes on: whether its thread hangs matters to the others.
      this.abandoned = true;
      this.#reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    this.#forget = () => signal.removeEventListener('abort', abort);
  }

  startDeadline(passed: () => void): void {
    this.#timer = setTimeout(passed, this.timeoutMs);
    // While the job runs its thread keeps the process alive, and with it this timer.
    this.#timer.unref();
  }

  finish(value: unknown): void {
    this.#end();
    this.#resolve(value);
  }

  reject(reason: unknown): void {
    this.#end();
    this.abandoned = true;
    this.#reject(reason);
  }

  #end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#forget?.();
    this.#forget = null;
  }
}
