import { CallTurns } from './call-turns.ts';
import { PoolError } from './pool-error.ts';
import { type CallOptions, checkCall } from './pool-options.ts';
import type { Send, Station } from './station.ts';
import type { StationDesk } from './station-desk.ts';
import type { Holder } from './tables.ts';

/** What a method of a handle is given. */
export type CallArgument<Method> = Method extends (argument: infer Value) => unknown ? Value : never;
/** What a method of a handle brings. */
export type CallResult<Method> = Method extends (argument: never) => infer Value ? Awaited<Value> : never;

/**
 * Something that a worker holds, such as an open directory. It is lost, once and for all, when its thread dies or is
 * given up because a call of this or of a neighbouring handle hangs: open another one. Close it: an open handle keeps its
 * thread, and with it the process.
 */
export class Handle<Methods extends Holder['methods']> {
  readonly #desk: StationDesk;
  readonly #station: Station;
  readonly #id: number;
  readonly #turns = new CallTurns();
  #closing: Promise<void> | null = null;
  readonly #endListeners = new Set<(error: Error) => void>();

  /** For `hold()` alone. */
  constructor(desk: StationDesk, station: Station, id: number) {
    this.#desk = desk;
    this.#station = station;
    this.#id = id;
  }

  /** Whether it was closed, or its thread is gone. */
  get closed(): boolean {
    return this.#closing !== null || this.#station.lost !== null;
  }

  /**
   * Runs a method in the worker. Calls of one handle run one after another, in turns with those of its neighbours on that
   * thread; the deadline counts from when the thread comes to it.
   *
   * Rejects with what the method throws, and with PoolError `ERR_JOB_STUCK`, `ERR_WORKER_LOST`, `ERR_HANDLE_CLOSED`,
   * `ERR_POOL_QUEUE_FULL` and `ERR_POOL_ARGUMENT`.
   */
  async call<Name extends keyof Methods & string>(
    method: Name,
    argument: CallArgument<Methods[Name]>,
    options: CallOptions = {},
  ): Promise<CallResult<Methods[Name]>> {
    checkCall(method, options);
    if (this.#closing !== null) throw closedError(method);
    const begin = (): Send => {
      // It was closed while the call waited.
      if (this.#closing !== null) throw closedError(method);
      return (service) => service.call(this.#id, method, argument);
    };
    return (await this.#desk.request(this.#station, this.#turns, method, options, begin)) as CallResult<Methods[Name]>;
  }

  /**
   * Calls the listener with the reason when the handle is closed or its thread is gone; the function that is returned
   * takes it back. For what the worker does by itself: a call rejects anyway.
   */
  onEnd(listener: (error: Error) => void): () => void {
    const forget = this.#station.onLost(listener);
    if (this.#closing !== null) listener(closedError('onEnd'));
    else this.#endListeners.add(listener);
    return () => {
      forget();
      this.#endListeners.delete(listener);
    };
  }

  /** Closes what the worker holds. Idempotent; of a lost handle there is nothing left to close. */
  close(): Promise<void> {
    if (this.#closing === null) {
      this.#closing = this.#desk.closeHandle(this.#station, this.#id);
      for (const listener of this.#endListeners) listener(closedError('close'));
      this.#endListeners.clear();
    }
    return this.#closing;
  }

  /** The same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function closedError(step: string): PoolError {
  return new PoolError({ code: 'ERR_HANDLE_CLOSED', step, text: 'the handle was closed; open another one' });
}
