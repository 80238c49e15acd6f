/** One producer that waits for space, with what it brought. */
interface Producer<T> {
  readonly payload: T;
  readonly settle: PromiseWithResolvers<void>;
  readonly signal: AbortSignal | undefined;
  readonly onAbort: () => void;
  before: Producer<T> | null;
  after: Producer<T> | null;
}

/** Producers waiting for space, in the order in which they came; one may leave from the middle when its signal fires. */
export class WaitingProducers<T> {
  // Linked, not an array or a Set: a full queue may hold a hundred thousand producers, and each abort leaves in one step.
  #first: Producer<T> | null = null;
  #last: Producer<T> | null = null;
  size = 0;

  /** The payload that is next; only while `size` is above 0. */
  get next(): T {
    return (this.#first as Producer<T>).payload;
  }

  /**
   * Resolves when `admitNext` reaches this producer, rejects through `refuseNext`, or with what `onAbort` returns when
   * the signal fires first; the payload is out of the list by then.
   */
  wait(payload: T, signal: AbortSignal | undefined, onAbort: (payload: T, reason: unknown) => unknown): Promise<void> {
    const producer: Producer<T> = {
      payload,
      settle: Promise.withResolvers<void>(),
      signal,
      onAbort: () => {
        this.#remove(producer);
        producer.settle.reject(onAbort(payload, signal?.reason));
      },
      before: this.#last,
      after: null,
    };
    if (this.#last === null) this.#first = producer;
    else this.#last.after = producer;
    this.#last = producer;
    this.size += 1;
    signal?.addEventListener('abort', producer.onAbort, { once: true });
    return producer.settle.promise;
  }

  /** Lets the next one go on, its payload being in the queue now. */
  admitNext(): T {
    const producer = this.#first as Producer<T>;
    this.#remove(producer);
    producer.settle.resolve();
    return producer.payload;
  }

  /** Sends the next one away; the payload is the caller's to dispose of. */
  refuseNext(reason: Error): T {
    const producer = this.#first as Producer<T>;
    this.#remove(producer);
    producer.settle.reject(reason);
    return producer.payload;
  }

  #remove(producer: Producer<T>): void {
    producer.signal?.removeEventListener('abort', producer.onAbort);
    if (producer.before === null) this.#first = producer.after;
    else producer.before.after = producer.after;
    if (producer.after === null) this.#last = producer.before;
    else producer.after.before = producer.before;
    this.size -= 1;
  }
}
