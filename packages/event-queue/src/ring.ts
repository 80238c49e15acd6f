const FIRST_SLOTS = 64;

/** First in, first out, in slots that are used again: adding and taking allocate nothing once the ring has grown. */
export class Ring<T> {
  #slots: (T | undefined)[] = Array.from({ length: FIRST_SLOTS }, () => undefined);
  #mask = FIRST_SLOTS - 1;
  #head = 0;
  size = 0;

  add(item: T): void {
    if (this.size > this.#mask) this.#grow();
    this.#slots[(this.#head + this.size) & this.#mask] = item;
    this.size += 1;
  }

  /** The oldest; only while `size` is above 0. */
  take(): T {
    const item = this.#slots[this.#head] as T;
    // Or the ring would keep a delivered event alive until the slot's next use.
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & this.#mask;
    this.size -= 1;
    return item;
  }

  #grow(): void {
    const slots = this.#slots;
    const mask = this.#mask;
    this.#mask = slots.length * 2 - 1;
    this.#slots = Array.from({ length: slots.length * 2 }, (_, index) =>
      index < slots.length ? slots[(this.#head + index) & mask] : undefined,
    );
    this.#head = 0;
  }
}
