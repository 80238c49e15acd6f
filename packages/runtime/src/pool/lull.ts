/** Tells of a lull: a time in which nothing that hurries has been under way for a while. */
export class Lull {
  readonly #waitMs: number;
  readonly #onLull: () => void;
  #busy = 0;
  #isWanted = false;
  #timer: NodeJS.Timeout | null = null;

  /** @param onLull called once for each `want()`, at the next lull */
  constructor(waitMs: number, onLull: () => void) {
    this.#waitMs = waitMs;
    this.#onLull = onLull;
  }

  /** Counts as something that hurries until it settles. */
  during<T>(work: Promise<T>): Promise<T> {
    this.#busy += 1;
    this.#stopTimer();
    const over = (): void => {
      this.#busy -= 1;
      this.#arm();
    };
    work.then(over, over);
    return work;
  }

  want(): void {
    this.#isWanted = true;
    this.#arm();
  }

  /** Nothing is under way at this moment. */
  get isCalm(): boolean {
    return this.#busy === 0;
  }

  /** Nobody is told any more. */
  close(): void {
    this.#isWanted = false;
    this.#stopTimer();
  }

  #arm(): void {
    if (!this.#isWanted || this.#busy > 0 || this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#isWanted = false;
      this.#onLull();
    }, this.#waitMs);
    this.#timer.unref();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
