/** Whose kept output counts. */
export interface Replayed {
  /** Bytes kept beyond what a reader still needs. */
  readonly spareBytes: number;
  /** Drops them. */
  dropSpare(): void;
}

/**
 * How much output all executions of a runtime keep together for replays. Beyond it the stream that was written to
 * longest ago loses what it keeps: whoever attaches to it gets a gap.
 */
export class ReplayBudget {
  readonly #maxBytes: number;
  /** In the order of their last write. */
  readonly #streams = new Map<Replayed, number>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** After each write of a stream, and when a reader has moved on. */
  account(stream: Replayed): void {
    this.forget(stream);
    const bytes = stream.spareBytes;
    if (bytes === 0) return;
    this.#streams.set(stream, bytes);
    this.#bytes += bytes;
    if (this.#bytes > this.#maxBytes) this.#shrink();
  }

  /** Its bytes are whoever's who still refers to it. */
  forget(stream: Replayed): void {
    this.#bytes -= this.#streams.get(stream) ?? 0;
    this.#streams.delete(stream);
  }

  #shrink(): void {
    for (const stream of this.#streams.keys()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.forget(stream);
      stream.dropSpare();
    }
  }
}
