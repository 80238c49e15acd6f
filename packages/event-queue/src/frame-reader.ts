import { type ChannelMemory, distance, FRAME_HEAD_BYTES, frameBytes, ringBell, Word } from './channel-memory.ts';
import { QueueError } from './queue-error.ts';

/** So many bytes leave the ring in one copy; messages of one copy share its memory. */
const COPY_BYTES = 64 * 1024;

/**
 * Takes messages out of the ring by private copies of many frames at a time. Lengths are read from the copy: what a
 * hostile sender changes afterwards has no effect, and no length leads out of the copy.
 */
export class FrameReader {
  readonly #memory: ChannelMemory;
  /** Counter of the bytes whose messages were taken. */
  position: number;
  #copy: ArrayBuffer = new ArrayBuffer(0);
  #heads: Int32Array<ArrayBuffer> = new Int32Array(0);
  /** Where in the copy the frame at `position` begins. */
  #next = 0;

  constructor(memory: ChannelMemory, position: number) {
    this.#memory = memory;
    this.position = position;
  }

  /**
   * The next message; only while `position` is not `limit`, the sender's counter.
   *
   * @throws QueueError `ERR_CHANNEL_CORRUPT` for a frame that reaches beyond `limit`.
   */
  take(limit: number): Uint8Array {
    if (this.#next === this.#copy.byteLength) this.#refill(limit, COPY_BYTES);
    let length = this.#length();
    let size = frameBytes(length);
    // The copy may end within a frame. The length may differ in the next copy, so it is judged again there.
    while (size > this.#copy.byteLength - this.#next) {
      const waiting = distance(this.position, limit);
      if (size > waiting) {
        const text = `a message of ${length} bytes where ${waiting} bytes were written; the channel is closed`;
        throw new QueueError('ERR_CHANNEL_CORRUPT', 'drain', text);
      }
      this.#refill(limit, Math.max(size, COPY_BYTES));
      length = this.#length();
      size = frameBytes(length);
    }
    const message = new Uint8Array(this.#copy, this.#next + FRAME_HEAD_BYTES, length);
    this.#next += size;
    this.position = (this.position + size) >>> 0;
    return message;
  }

  /** Gives the space of the messages that were taken back to the sender. */
  release(): void {
    Atomics.store(this.#memory.words, Word.read, this.position | 0);
  }

  #length(): number {
    return (this.#heads[this.#next >>> 2] as number) >>> 0;
  }

  #refill(limit: number, most: number): void {
    const { bytes, capacityBytes } = this.#memory;
    const waiting = distance(this.position, limit);
    this.release();
    // A sender woken for every copy would do little more than wake; the end of the drain rings in any case.
    if (waiting <= capacityBytes / 2) ringBell(this.#memory, Word.spaceBell);
    const size = Math.min(waiting, most);
    const start = this.position & (capacityBytes - 1);
    const untilEnd = Math.min(size, capacityBytes - start);
    // Not zeroed: every byte is written below.
    const copy = Buffer.allocUnsafeSlow(size);
    // `Buffer.copy` is a memcpy; `set` from shared memory goes word by word.
    bytes.copy(copy, 0, start, start + untilEnd);
    if (untilEnd < size) bytes.copy(copy, untilEnd, 0, size - untilEnd);
    this.#copy = copy.buffer;
    this.#heads = new Int32Array(copy.buffer);
    this.#next = 0;
  }
}
