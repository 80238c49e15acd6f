import { StopSignal } from './stop-signal.ts';

/** One task that a thread was given: it occupies the thread until `ended` settles. */
export class ThreadTask {
  readonly step: string;
  readonly stop: StopSignal = new StopSignal();
  /** The worker's answer; rejects with a `PoolError` when the thread ended, or never came up. */
  readonly ended: Promise<unknown>;
  readonly settle: { readonly resolve: (reply: unknown) => void; readonly reject: (error: Error) => void };

  constructor(step: string) {
    this.step = step;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.ended = promise;
    this.settle = { resolve, reject };
  }
}
