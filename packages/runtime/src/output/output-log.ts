/** Bytes up to this are copied together, so that a program that writes single bytes costs no object for each. */
const copyUpToBytes = 8192;
const largestBlockBytes = 16_384;
const firstBlockBytes = 1024;

interface Block {
  /** Of its first byte in the stream. */
  readonly offset: number;
  readonly bytes: Buffer;
  /** How much of `bytes` is written; what is written never changes. */
  used: number;
}

/** The last bytes of one stream, each at its absolute offset: the first byte that the program wrote is at 0. */
export class OutputLog {
  readonly #blocks: Block[] = [];
  #end = 0;
  #kept = 0;

  /** Offset of the first byte that is still there. */
  get start(): number {
    return this.#end - this.#kept;
  }

  /** Offset behind the last byte. */
  get end(): number {
    return this.#end;
  }

  /** How many bytes are there. */
  get kept(): number {
    return this.#kept;
  }

  /** @param isLent the memory is the caller's and will be used again; otherwise it may be kept as it is */
  append(bytes: Buffer, isLent: boolean): void {
    if (bytes.length > copyUpToBytes) this.#addBlock(isLent ? Buffer.from(bytes) : bytes, bytes.length);
    else this.#appendCopy(bytes);
    this.#end += bytes.length;
    this.#kept += bytes.length;
  }

  /** Bytes from `offset` on, which must be from `start` to `end`: as many as lie together; null when `offset` is the end. */
  at(offset: number): Buffer | null {
    if (offset === this.#end) return null;
    const block = this.#blocks[this.#blockOf(offset)];
    return block === undefined ? null : block.bytes.subarray(offset - block.offset, block.used);
  }

  /** Drops the oldest bytes, whole blocks of them, as long as `leastBytes` stay and none from `needed` on goes. */
  trim(leastBytes: number, needed: number): void {
    let drop = 0;
    for (const block of this.#blocks) {
      if (this.#kept - block.used < leastBytes || block.offset + block.used > needed) break;
      this.#kept -= block.used;
      drop++;
    }
    if (drop > 0) this.#blocks.splice(0, drop);
  }

  #appendCopy(bytes: Buffer): void {
    let last = this.#blocks.at(-1);
    if (last === undefined || last.bytes.length - last.used < bytes.length) {
      const grown = last === undefined ? firstBlockBytes : Math.min(last.bytes.length * 4, largestBlockBytes);
      last = this.#addBlock(Buffer.allocUnsafeSlow(Math.max(grown, bytes.length)), 0);
    }
    bytes.copy(last.bytes, last.used);
    last.used += bytes.length;
  }

  #addBlock(bytes: Buffer, used: number): Block {
    const block = { offset: this.#end, bytes, used };
    this.#blocks.push(block);
    return block;
  }

  /** The last block that begins at or before the offset. */
  #blockOf(offset: number): number {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#blocks[middle]?.offset ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
