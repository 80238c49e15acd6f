import type { DrainWaitOptions } from './call-options.ts';

/** What a waiting drainer asks of its queue. */
export interface DrainSource {
  /** True when a drain would deliver something now. Throws when nothing will ever come again. */
  ready(): boolean;
  drain(): number;
  /** Called before each wait, for a queue that has to arm something to notice its producers. */
  arm?(): void;
}

/** Those who wait in `drainWait`, on the consumer's side. */
export class WaitingDrainers {
  readonly #waiting = new Set<PromiseWithResolvers<'woken' | 'late'>>();

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Waits until the source is ready, then drains it. All are woken for one event and the late ones wait again: a
   * drainer that leaves (abort, time) can so never take a wake-up with it.
   */
  async drainWhenReady(source: DrainSource, options: DrainWaitOptions): Promise<number> {
    const end = options.timeoutMs === undefined ? null : performance.now() + options.timeoutMs;
    options.signal?.throwIfAborted();
    while (!source.ready()) {
      const leftMs = end === null ? null : end - performance.now();
      if (leftMs !== null && leftMs <= 0) return 0;
      if ((await this.#wait(source, leftMs, options.signal)) === 'late' && !source.ready()) return 0;
      options.signal?.throwIfAborted();
    }
    return source.drain();
  }

  wakeAll(): void {
    for (const waiter of this.#waiting) waiter.resolve('woken');
    this.#waiting.clear();
  }

  /** Wakes only: each finds out from its own `ready()` that its queue is closed, and with which error. */
  async #wait(source: DrainSource, leftMs: number | null, signal: AbortSignal | undefined): Promise<'woken' | 'late'> {
    const waiter = Promise.withResolvers<'woken' | 'late'>();
    const onAbort = (): void => waiter.reject(signal?.reason);
    const timer = leftMs === null ? null : setTimeout(() => waiter.resolve('late'), leftMs);
    this.#waiting.add(waiter);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      source.arm?.();
      return await waiter.promise;
    } finally {
      this.#waiting.delete(waiter);
      if (timer !== null) clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }
}
