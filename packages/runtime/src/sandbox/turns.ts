/** What begins in one turn of the event loop takes half a millisecond at most. */
const perTurn = 16;

/**
 * Spreads what is asked for many times at once over turns of the event loop: a beginning takes 20 µs, and 500 of them in
 * the caller's turn would keep everybody else waiting for 10 ms.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #left = perTurn;
  #scheduled = false;

  /** null: begin at once. First come, first served. */
  take(): Promise<void> | null {
    this.#schedule();
    if (this.#left === 0) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#left -= 1;
    return null;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#next());
  }

  #next(): void {
    this.#scheduled = false;
    const begun = this.#waiting.splice(0, perTurn);
    this.#left = perTurn - begun.length;
    for (const begin of begun) begin();
    if (this.#waiting.length > 0) this.#schedule();
  }
}
