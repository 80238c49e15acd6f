/** So many bytes of one kind may be held for one sandbox at a time: what its clients and programs make this server keep. */
export class Budget {
  readonly maxBytes: number;
  #held = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** false: there is no room for them, and none is taken. */
  take(bytes: number): boolean {
    if (this.#held + bytes > this.maxBytes) return false;
    this.#held += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#held -= bytes;
  }
}

/** One budget for each owner, such as a sandbox. */
export class Budgets {
  readonly #maxBytes: number;
  readonly #budgets = new WeakMap<object, Budget>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  of(owner: object): Budget {
    const known = this.#budgets.get(owner);
    if (known !== undefined) return known;
    const budget = new Budget(this.#maxBytes);
    this.#budgets.set(owner, budget);
    return budget;
  }
}
