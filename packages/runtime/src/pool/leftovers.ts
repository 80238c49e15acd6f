import type { ParkedSandbox } from './parked-sandbox.ts';

const firstPauseMs = 1000;
const longestPauseMs = 60_000;

/** Parked sandboxes whose removal has failed: tried again, with longer and longer pauses, and at the end once more. */
export class Leftovers {
  readonly #all = new Set<ParkedSandbox>();
  #pauseMs = firstPauseMs;
  #dueMs = 0;

  get size(): number {
    return this.#all.size;
  }

  [Symbol.iterator](): IterableIterator<ParkedSandbox> {
    return this.#all.values();
  }

  add(parked: ParkedSandbox, nowMs: number): void {
    if (this.#all.size === 0) this.#pauseMs = firstPauseMs;
    this.#all.add(parked);
    this.#dueMs = nowMs + this.#pauseMs;
  }

  /** When the next attempt is due; null: there is nothing left. */
  dueMs(): number | null {
    return this.#all.size === 0 ? null : this.#dueMs;
  }

  /** Returns what could not be removed now either. */
  async retry(discard: (parked: ParkedSandbox) => Promise<void>, nowMs: number): Promise<unknown[]> {
    this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs * 2);
    this.#dueMs = nowMs + this.#pauseMs;
    const failures: unknown[] = [];
    for (const parked of this.#all) {
      try {
        await discard(parked);
        this.#all.delete(parked);
      } catch (reason) {
        failures.push(reason);
      }
    }
    return failures;
  }
}
