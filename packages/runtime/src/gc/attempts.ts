interface Attempt {
  readonly count: number;
  readonly dueMs: number;
  readonly reason: string;
}

/** 5, 10, 20, 40 and 80 s: a disk that is full or a mount that is busy gets its time, and nobody waits for it. */
const firstDelayMs = 5000;
/** After so many it is not tried again by itself. */
export const maxAttempts = 6;

/** Clean-ups that failed: how often, why, and when each is due again. */
export class Attempts {
  readonly #failed = new Map<string, Attempt>();

  /** False: it failed too lately, or too often. */
  isDue(id: string, nowMs: number): boolean {
    const attempt = this.#failed.get(id);
    return attempt === undefined || (attempt.count < maxAttempts && attempt.dueMs <= nowMs);
  }

  /** Returns how often it has failed now. */
  fail(id: string, reason: string, nowMs: number): number {
    const count = (this.#failed.get(id)?.count ?? 0) + 1;
    this.#failed.set(id, { count, dueMs: nowMs + firstDelayMs * 2 ** (count - 1), reason });
    return count;
  }

  succeed(id: string): void {
    this.#failed.delete(id);
  }

  /** Why it failed last; null: it has not. */
  reason(id: string): string | null {
    return this.#failed.get(id)?.reason ?? null;
  }

  isGivenUp(id: string): boolean {
    return (this.#failed.get(id)?.count ?? 0) >= maxAttempts;
  }

  /** Forgets those that are not there any more. */
  keepOnly(ids: ReadonlySet<string>): void {
    for (const id of this.#failed.keys()) if (!ids.has(id)) this.#failed.delete(id);
  }

  /** When the next one is due; null: none is. */
  nextMs(): number | null {
    const due = [...this.#failed.values()].filter(({ count }) => count < maxAttempts).map(({ dueMs }) => dueMs);
    return due.length === 0 ? null : Math.min(...due);
  }
}
