/** The second is at hand when the thread is done with the first. */
const WITH_THE_THREAD = 2;

/**
 * Lets a few calls of one handle go to its thread at a time. Whoever makes thousands of slow ones has them wait here, and the
 * neighbours on that thread come in between.
 */
export class CallTurns {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Does it when it is its turn, which ends when it is done. */
  async run<T>(act: () => Promise<T>): Promise<T> {
    if (this.#running < WITH_THE_THREAD) this.#running += 1;
    else await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    try {
      return await act();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
