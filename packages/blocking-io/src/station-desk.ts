import type { CallTurns } from './call-turns.ts';
import { Handle } from './handle.ts';
import { closedError, PoolError } from './pool-error.ts';
import { type CallOptions, type CompiledOptions, checkCall } from './pool-options.ts';
import { rejectOnAbort } from './reject-on-abort.ts';
import { type Send, Station } from './station.ts';
import { stuckError } from './stuck-error.ts';
import type { Threads } from './threads.ts';

/** Which thread holds which handle: up to `holderThreads` stations, started by need, released with their last handle. */
export class StationDesk {
  /** Calls whose deadline passed. */
  stuck = 0;
  readonly #threads: Threads;
  readonly #options: CompiledOptions;
  /** Those whose thread is taken, hanging ones included. */
  readonly #stations = new Set<Station>();
  readonly #starting = new Set<Promise<void>>();
  #closed = false;

  constructor(threads: Threads, options: CompiledOptions) {
    this.#threads = threads;
    this.#options = options;
  }

  get handles(): number {
    return [...this.#stations].reduce((sum, station) => sum + (station.lost === null ? station.handles : 0), 0);
  }

  async hold(kind: string, argument: unknown, options: CallOptions): Promise<Handle<never>> {
    checkCall(kind, options);
    const station = await this.#choose(kind);
    station.handles += 1;
    const opening = this.#ask(station, kind, options, (service) => service.open(kind, argument));
    try {
      return new Handle(this, station, (await rejectOnAbort(opening, options.signal)) as number);
    } catch (error) {
      // An aborted one may open yet; it is closed then.
      opening.then(
        (id) => this.closeHandle(station, id as number).catch((reason: unknown) => this.#logFailedClose(reason)),
        () => this.#leave(station),
      );
      throw error;
    }
  }

  /** `begin` may refuse what has waited for its turn. */
  async request(
    station: Station,
    turns: CallTurns,
    step: string,
    options: CallOptions,
    begin: () => Send,
  ): Promise<unknown> {
    const { signal } = options;
    if (turns.waiting >= this.#options.maxQueue) {
      const text = `${turns.waiting} calls of this handle wait and no more may; try again later`;
      throw new PoolError({ code: 'ERR_POOL_QUEUE_FULL', step, text });
    }
    const asking = turns.run(async () => {
      signal?.throwIfAborted();
      return await this.#ask(station, step, options, begin());
    });
    return await rejectOnAbort(asking, signal);
  }

  async closeHandle(station: Station, id: number): Promise<void> {
    if (station.lost !== null) return;
    try {
      await this.#ask(station, 'close', {}, (service) => service.close(id));
    } finally {
      this.#leave(station);
    }
  }

  /** Closes every handle; stations that do not answer within `graceMs` are left to the end of their threads. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    // Hanging ones are not waited for.
    const stations = [...this.#stations].filter((station) => !station.stuck);
    for (const station of stations) {
      station.fail(closedByPoolError());
      station.release();
    }
    const timeUp = Promise.withResolvers<void>();
    const timer = setTimeout(timeUp.resolve, graceMs);
    await Promise.race([Promise.allSettled(stations.map(({ ended }) => ended)), timeUp.promise]);
    clearTimeout(timer);
  }

  async #choose(step: string): Promise<Station> {
    for (;;) {
      if (this.#closed) throw closedError(step);
      const usable = [...this.#stations].filter((station) => station.lost === null);
      const [best] = usable.toSorted((a, b) => a.handles - b.handles);
      const full = this.#stations.size + this.#starting.size >= this.#options.holderThreads;
      if (best !== undefined && (best.handles === 0 || full)) return best;
      if (!full) await this.#start(step);
      else await this.#change(step);
    }
  }

  /** Waits for a station that starts, or one that ends. */
  async #change(step: string): Promise<void> {
    const ending = [...this.#stations].filter((station) => !station.stuck).map(({ ended }) => ended);
    const changes = [...this.#starting, ...ending].map((change) => change.catch(() => {}));
    if (changes.length === 0) throw exhaustedError(step, this.#options);
    await Promise.race(changes);
  }

  async #start(step: string): Promise<void> {
    const started = this.#startStation(step);
    this.#starting.add(started);
    try {
      await started;
    } finally {
      this.#starting.delete(started);
    }
  }

  async #startStation(step: string): Promise<void> {
    while (!this.#threads.idle) await this.#threads.startOne(step);
    if (this.#closed) throw closedError(step);
    const station = new Station(this.#threads);
    this.#stations.add(station);
    const end = (): boolean => this.#stations.delete(station);
    station.ended.then(end, (error: unknown) => {
      end();
      this.#logFailedClose(error);
    });
  }

  #leave(station: Station): void {
    station.handles -= 1;
    if (station.handles === 0) station.release();
  }

  async #ask(station: Station, step: string, options: CallOptions, send: Send): Promise<unknown> {
    const timeoutMs = options.timeoutMs ?? this.#options.stuckAfterMs;
    return await station.request(send, timeoutMs, () => this.#deadlinePassed(station, step, timeoutMs));
  }

  /** What the call is told that did not come back; its neighbours on that thread are told that they are lost with it. */
  #deadlinePassed(station: Station, step: string, timeoutMs: number): PoolError {
    this.stuck += 1;
    station.stuck = true;
    const replaced = this.#threads.giveUp(station.task);
    const error = stuckError(step, timeoutMs, replaced);
    this.#options.logger.error({ step, timeoutMs, replaced, handles: station.handles }, error.message);
    const text = `the call ${step} to a handle of the same thread hangs, and the thread was given up; open another handle`;
    station.fail(new PoolError({ code: 'ERR_WORKER_LOST', step: 'hold', text, started: true, cause: error }));
    return error;
  }

  #logFailedClose(error: unknown): void {
    this.#options.logger.error({ err: error }, 'closing a handle failed');
  }
}

function exhaustedError(step: string, options: CompiledOptions): PoolError {
  const text = `all ${options.holderThreads} threads that hold handles hang and no more may be started; nothing was done`;
  return new PoolError({ code: 'ERR_POOL_EXHAUSTED', step, text });
}

function closedByPoolError(): PoolError {
  const text = 'the pool was closed while the call ran; it may still take effect';
  return new PoolError({ code: 'ERR_POOL_CLOSED', step: 'hold', text, started: true });
}
