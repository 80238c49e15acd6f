/** What is read at a time, and the size of a block that can be written again. */
export const blockBytes = 65_536;
/** As many as a reader that holds the program back lets go of at a time. */
const mostSpare = 4;
/** Bytes up to this are copied together, so that a program that writes single bytes costs no object for each. */
const copyUpToBytes = 8192;
const largestBlockBytes = 16_384;
const firstBlockBytes = 1024;

interface Block {
  /** Of its first byte in the stream. */
  readonly offset: number;
  readonly bytes: Buffer;
  /** How much of `bytes` is written; what is written does not change while the block is in the log. */
  used: number;
  /** Whoever got a view of it may keep that: the memory is never written again. */
  isGiven: boolean;
  /** So many look at it for now. */
  lent: number;
}

/** A view for a while: its bytes may be others' once it is given back. */
export interface Loan {
  readonly data: Buffer;
  giveBack(): void;
}

/**
 * The last bytes of one stream, each at its absolute offset: the first byte that the program wrote is at 0. Memory that
 * nobody can have kept a view of is used again: fresh memory for each 64 KiB costs V8 a whole collection every 64 MiB.
 */
export class OutputLog {
  /** Where bytes may be missing, nobody knows how many: an earlier runner died in the middle of a read. */
  readonly unsureAt: number | null;
  readonly #blocks: Block[] = [];
  readonly #spare: Buffer[] = [];
  #isSealed = false;
  #end = 0;
  #kept = 0;

  /** @param restored the last bytes that an earlier runner took, and the offset behind them */
  constructor(restored?: { readonly bytes: Buffer; readonly end: number; readonly isUnsure: boolean }) {
    this.unsureAt = restored?.isUnsure === true ? restored.end : null;
    if (restored === undefined) return;
    const { bytes, end } = restored;
    this.#end = end - bytes.length;
    // A block of its own, which nothing is appended to: a gap behind it must not lie inside one.
    if (bytes.length > 0) this.#addBlock(bytes, bytes.length);
    this.#end = end;
    this.#kept = bytes.length;
  }

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

  /** Copies them: the memory is the caller's and will be used again. */
  append(bytes: Buffer): void {
    if (bytes.length > copyUpToBytes) this.#addBlock(Buffer.from(bytes), bytes.length);
    else this.#appendCopy(bytes);
    this.#count(bytes.length);
  }

  /** Takes the memory, of which the first `used` bytes are written, as it is. Returns other memory for the next read. */
  exchange(bytes: Buffer, used: number): Buffer {
    this.#addBlock(bytes, used);
    this.#count(used);
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
  }

  /** Nothing more will be read: memory is let go instead of being kept for the next read. */
  seal(): void {
    this.#isSealed = true;
    this.#spare.length = 0;
  }

  /** Bytes from `offset` on, which must be from `start` to `end`: as many as lie together; null when `offset` is the end. */
  at(offset: number): Buffer | null {
    const block = this.#find(offset);
    if (block === null) return null;
    block.isGiven = true;
    return block.bytes.subarray(offset - block.offset, block.used);
  }

  /** The same, for a while. Never given back is as good as given. */
  lend(offset: number): Loan | null {
    const block = this.#find(offset);
    if (block === null) return null;
    block.lent++;
    const data = block.bytes.subarray(offset - block.offset, block.used);
    return { data, giveBack: () => block.lent-- };
  }

  /** Drops the oldest bytes, whole blocks of them, as long as `leastBytes` stay and none from `needed` on goes. */
  trim(leastBytes: number, needed: number): void {
    let drop = 0;
    for (const block of this.#blocks) {
      if (this.#kept - block.used < leastBytes || block.offset + block.used > needed) break;
      this.#kept -= block.used;
      this.#recycle(block);
      drop++;
    }
    if (drop > 0) this.#blocks.splice(0, drop);
  }

  #recycle({ bytes, isGiven, lent }: Block): void {
    if (isGiven || lent > 0 || bytes.length !== blockBytes || this.#isSealed) return;
    if (this.#spare.length < mostSpare) this.#spare.push(bytes);
  }

  #count(bytes: number): void {
    this.#end += bytes;
    this.#kept += bytes;
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
    const block = { offset: this.#end, bytes, used, isGiven: false, lent: 0 };
    this.#blocks.push(block);
    return block;
  }

  #find(offset: number): Block | null {
    return offset === this.#end ? null : (this.#blocks[this.#indexOf(offset)] ?? null);
  }

  /** Of the last block that begins at or before the offset. */
  #indexOf(offset: number): number {
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
