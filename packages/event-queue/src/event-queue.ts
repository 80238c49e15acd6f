import {
  checkCount,
  checkHandler,
  checkMax,
  checkSignal,
  checkTimeout,
  type DrainOptions,
  type DrainWaitOptions,
  type PushOptions,
} from './call-options.ts';
import { Owned } from './owned.ts';
import { closedError, QueueError } from './queue-error.ts';
import { Ring } from './ring.ts';
import { WaitingDrainers } from './waiting-drainers.ts';
import { WaitingProducers } from './waiting-producers.ts';

/** The size of a queue, and what becomes of events that nobody gets. */
export interface EventQueueOptions<T> {
  /** Most events held, those of waiting producers not counted. Default 4096. */
  readonly capacity?: number | undefined;
  /** Releases an event that will not be delivered. Default: an `Owned` disposes of itself, anything else needs nothing. */
  readonly dispose?: ((event: T) => void) | undefined;
}

const MAX_CAPACITY = 2 ** 30;
/** One for all pushes that need not wait: a push allocates nothing. */
const DONE: Promise<void> = Promise.resolve();

function disposeOwned(event: unknown): void {
  if (event instanceof Owned) event[Symbol.dispose]();
}

/**
 * A bounded queue between producers and one consumer of a thread. Producers post and go on; handlers run only inside
 * `drain` and `drainWait`, never inside a producer's call. Every event taken in is either delivered or disposed of, once.
 */
export class EventQueue<T> {
  /** Most events held, those of waiting producers not counted. */
  readonly capacity: number;
  readonly #dispose: (event: T) => void;
  readonly #events = new Ring<T>();
  /** Never holds anyone while there is space: whoever frees a slot admits the next producer at once. */
  readonly #producers = new WaitingProducers<T>();
  readonly #drainers = new WaitingDrainers();
  #draining = false;
  #closed = false;
  #reason: unknown = undefined;

  /** @throws QueueError `ERR_QUEUE_ARGUMENT` for a capacity that is no whole number from 1 to 2^30. */
  constructor(options: EventQueueOptions<T> = {}) {
    this.capacity = options.capacity ?? 4096;
    checkCount('EventQueue', 'capacity', this.capacity, 1, MAX_CAPACITY);
    this.#dispose = options.dispose ?? disposeOwned;
    checkHandler('EventQueue', this.#dispose);
  }

  /** Whether `close` was called: nothing is taken in or delivered any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Events that a drain would deliver now. */
  get size(): number {
    return this.#events.size;
  }

  /**
   * Queues the event; while the queue is full, waits without spinning and in order. Resolves once the event is in the
   * queue. The event is the queue's from the call on: if it cannot go in, it is disposed of and the call rejects with
   * the signal's reason or with the reason of the close (`QueueClosedError` when that was none).
   *
   * Rejects with QueueError `ERR_QUEUE_ARGUMENT` for an invalid signal; the event is then still the caller's.
   */
  push(event: T, options?: PushOptions): Promise<void> {
    if (options?.signal === undefined && this.tryPush(event)) return DONE;
    return this.#pushOrWait(event, options?.signal);
  }

  /** Queues the event, or returns false when the queue is full or closed: the event is then still the caller's. */
  tryPush(event: T): boolean {
    if (this.#closed || this.#events.size >= this.capacity) return false;
    this.#events.add(event);
    if (this.#drainers.size > 0) this.#drainers.wakeAll();
    return true;
  }

  /**
   * Hands queued events to the handler, oldest first, on the caller's thread, and returns how many. The queue holds no
   * state while a handler runs: it may push, close the queue or throw. What it throws comes out of this call; that
   * event counts as delivered, and the later ones stay queued for the next drain. A closed queue delivers nothing.
   *
   * @throws QueueError `ERR_QUEUE_NESTED_DRAIN` when called from a handler of this queue.
   * @throws QueueError `ERR_QUEUE_ARGUMENT` for a handler or `max` that cannot be.
   */
  drain(handler: (event: T) => void, options?: DrainOptions): number {
    checkHandler('drain', handler);
    checkMax('drain', options?.max);
    this.#refuseNested('drain');
    return this.#deliver(handler, options?.max ?? this.#events.size);
  }

  /**
   * Like `drain`, but waits for a first event. Resolves to 0 when `timeoutMs` passes without one. Rejects when the queue
   * is closed (with the reason of the close), when the signal fires (with its reason), and with what a handler throws.
   * A wait without `timeoutMs` does not keep the process alive.
   */
  async drainWait(handler: (event: T) => void, options: DrainWaitOptions = {}): Promise<number> {
    checkHandler('drainWait', handler);
    checkMax('drainWait', options.max);
    checkTimeout('drainWait', options.timeoutMs);
    checkSignal('drainWait', options.signal);
    this.#refuseNested('drainWait');
    const source = {
      ready: (): boolean => {
        if (this.#closed) throw closedError('drainWait', this.#reason);
        return this.#events.size > 0;
      },
      drain: (): number => this.#deliver(handler, options.max ?? this.#events.size),
    };
    return await this.#drainers.drainWhenReady(source, options);
  }

  /**
   * Wakes everyone who waits, with `reason` or else a `QueueClosedError`, and disposes of every event not delivered.
   * Closing again does nothing.
   *
   * @throws QueueError `ERR_QUEUE_DISPOSER` when disposers threw, after all of them have run.
   */
  close(reason?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reason = reason;
    this.#drainers.wakeAll();
    const dropped: T[] = [];
    while (this.#events.size > 0) dropped.push(this.#events.take());
    while (this.#producers.size > 0) dropped.push(this.#producers.refuseNext(closedError('push', reason)));
    // Last, because a disposer is foreign code: whatever it calls finds the queue closed and empty.
    const failures = dropped.map((event) => this.#drop(event)).filter((failure) => failure !== null);
    if (failures.length > 0)
      throw disposerError(
        'close',
        failures.map(({ thrown }) => thrown),
      );
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  async #pushOrWait(event: T, signal: AbortSignal | undefined): Promise<void> {
    checkSignal('push', signal);
    if (signal?.aborted) throw this.#dropFor(event, signal.reason);
    if (this.#closed) throw this.#dropFor(event, closedError('push', this.#reason));
    if (this.tryPush(event)) return;
    await this.#producers.wait(event, signal, (dropped, reason) => this.#dropFor(dropped, reason));
  }

  #deliver(handler: (event: T) => void, max: number): number {
    let delivered = 0;
    this.#draining = true;
    try {
      while (delivered < max && this.#events.size > 0) {
        const event = this.#events.take();
        if (this.#producers.size > 0) this.#events.add(this.#producers.admitNext());
        delivered += 1;
        handler(event);
      }
    } finally {
      this.#draining = false;
    }
    return delivered;
  }

  #refuseNested(step: string): void {
    if (!this.#draining) return;
    const text = 'this queue is being drained by the handler that calls; return from it first';
    throw new QueueError('ERR_QUEUE_NESTED_DRAIN', step, text);
  }

  /** Disposes of a producer's event; the answer is what the producer is to be told. */
  #dropFor(event: T, reason: unknown): unknown {
    const failure = this.#drop(event);
    return failure === null ? reason : disposerError('push', [reason, failure.thrown]);
  }

  #drop(event: T): { readonly thrown: unknown } | null {
    try {
      this.#dispose(event);
      return null;
    } catch (thrown) {
      return { thrown };
    }
  }
}

function disposerError(step: string, thrown: readonly unknown[]): QueueError {
  const text = 'the disposer of an event that was not delivered threw; see cause.errors';
  return new QueueError('ERR_QUEUE_DISPOSER', step, text, new AggregateError(thrown));
}
