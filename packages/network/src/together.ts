const ignore = (): void => undefined;

/** Does something to items one batch after the other; those that come while a batch is under way are the next. */
export class Together<T> {
  readonly #act: (items: T[]) => Promise<void>;
  #running: Promise<void> = Promise.resolve();
  #next: { readonly items: Set<T>; readonly done: Promise<void> } | null = null;

  constructor(act: (items: T[]) => Promise<void>) {
    this.#act = act;
  }

  /** Settles as the item's batch does. */
  do(item: T): Promise<void> {
    const { items, done } = (this.#next ??= this.#queue());
    items.add(item);
    return done;
  }

  #queue(): { items: Set<T>; done: Promise<void> } {
    const items = new Set<T>();
    const done = this.#running.then(() => {
      this.#next = null;
      return this.#act([...items]);
    });
    this.#running = done.catch(ignore); // told to whoever asked for it
    return { items, done };
  }
}
