import { QueueError } from './queue-error.ts';

/**
 * A value with its own disposer, released exactly once: by whoever takes it, or by the disposer if nobody does. A queue
 * disposes of an `Owned` that it could not deliver; a handler that is given one takes the value, or disposes of it with `using`.
 */
export class Owned<T> {
  #value: T | undefined;
  #dispose: ((value: T) => void) | null;

  constructor(value: T, dispose: (value: T) => void) {
    this.#value = value;
    this.#dispose = dispose;
  }

  /**
   * The value, which is the caller's to release from now on.
   *
   * @throws QueueError `ERR_OWNED_TAKEN` when it was taken or disposed of before.
   */
  take(): T {
    if (this.#dispose === null)
      throw new QueueError(
        'ERR_OWNED_TAKEN',
        'Owned.take',
        'the value was taken or disposed of before; it has one owner',
      );
    return this.#leave();
  }

  /** Runs the disposer, unless the value was taken or disposed of before. */
  [Symbol.dispose](): void {
    const dispose = this.#dispose;
    if (dispose !== null) dispose(this.#leave());
  }

  /** Empty before anything else runs: a disposer that comes back here finds nothing to release. */
  #leave(): T {
    const value = this.#value as T;
    this.#value = undefined;
    this.#dispose = null;
    return value;
  }
}
