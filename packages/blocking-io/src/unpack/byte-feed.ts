/** The bytes of a source one piece after another, where the end of a piece can be put back. */
export class ByteFeed {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Never empty, and never more than is wanted; null at the end. */
  async next(most: number = Number.POSITIVE_INFINITY): Promise<Uint8Array | null> {
    while (this.#rest.length === 0) {
      const result = await this.#chunks.next();
      if (result.done === true) return null;
      this.#rest = result.value;
    }
    const piece = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(piece.length);
    return piece;
  }

  /** The next so many bytes, or those that are left. */
  async *take(bytes: number): AsyncGenerator<Uint8Array, void, void> {
    for (let left = bytes; left > 0; ) {
      const piece = await this.next(left);
      if (piece === null) return;
      left -= piece.length;
      yield piece;
    }
  }

  /** What was not used of the piece that came last. */
  putBack(bytes: Uint8Array): void {
    this.#rest = bytes;
  }

  /** Lets go of the source; errors of it were told before. */
  async close(): Promise<void> {
    await this.#chunks.return?.().catch(() => {});
  }
}
