/**
 * One lock an id: whoever changes a sandbox (its create, pause, resume, timeout, stop, start, destroy, the sweep) holds
 * it from the look at the state to the end of the act. First come, first served; a free lock is taken without a wait.
 */
export class IdLocks {
  /** The last in line of each id that is locked. */
  readonly #tails = new Map<string, Promise<unknown>>();

  async run<T>(id: string, act: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(id);
    const mine = before === undefined ? act() : before.then(act, act);
    // A failure is the caller's; whoever is next goes on all the same.
    const tail = mine.catch(() => {});
    this.#tails.set(id, tail);
    try {
      return await mine;
    } finally {
      if (this.#tails.get(id) === tail) this.#tails.delete(id);
    }
  }

  /** Nobody holds any. */
  get areFree(): boolean {
    return this.#tails.size === 0;
  }

  isLocked(id: string): boolean {
    return this.#tails.has(id);
  }
}
