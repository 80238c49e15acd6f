/** What a shape was asked for lately, as moments of a monotonic clock in milliseconds. */
export class Demand {
  readonly #windowMs: number;
  readonly #most: number;
  readonly #asked: number[] = [];

  /** @param most more are not remembered: nobody keeps more ready */
  constructor(windowMs: number, most: number) {
    this.#windowMs = windowMs;
    this.#most = most;
  }

  note(nowMs: number): void {
    this.#asked.push(nowMs);
    if (this.#asked.length > this.#most) this.#asked.shift();
  }

  /** How often it was asked for within the window. */
  count(nowMs: number): number {
    while (this.#asked[0] !== undefined && nowMs - this.#asked[0] >= this.#windowMs) this.#asked.shift();
    return this.#asked.length;
  }

  /** Nobody can ask for it any more. */
  end(): void {
    this.#asked.length = 0;
  }

  /** When `count` gets smaller; null: it is 0. */
  nextMs(): number | null {
    const [oldest] = this.#asked;
    return oldest === undefined ? null : oldest + this.#windowMs;
  }
}
