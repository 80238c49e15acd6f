const ignore = (): void => undefined;

const longestRestMs = 250;

/**
 * Does something to items one batch after the other; those that come while a batch is under way are the next. After each it
 * rests for `restFactor` times as long as that took, a quarter of a second at most.
 */
export class Together<T> {
  readonly #act: (items: T[]) => Promise<void>;
  readonly #restFactor: number;
  #running: Promise<void> = Promise.resolve();
  #restsUntilMs = 0;
  #next: { readonly items: Set<T>; readonly done: Promise<void> } | null = null;

  constructor(act: (items: T[]) => Promise<void>, restFactor = 0) {
    this.#act = act;
    this.#restFactor = restFactor;
  }

  /** Settles as the item's batch does. */
  do(item: T): Promise<void> {
    const { items, done } = (this.#next ??= this.#queue());
    items.add(item);
    return done;
  }

  #queue(): { items: Set<T>; done: Promise<void> } {
    const items = new Set<T>();
    const done = this.#running.then(async () => {
      const restMs = this.#restsUntilMs - performance.now();
      if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
      this.#next = null;
      await this.#timed([...items]);
    });
    this.#running = done.catch(ignore); // told to whoever asked for it
    return { items, done };
  }

  async #timed(items: T[]): Promise<void> {
    const startedMs = performance.now();
    try {
      await this.#act(items);
    } finally {
      const endedMs = performance.now();
      this.#restsUntilMs = endedMs + Math.min(longestRestMs, this.#restFactor * (endedMs - startedMs));
    }
  }
}
