import { Readable } from 'node:stream';
import { Reader } from '@hatchery/linux';

const readBytes = 65_536;
/** Below this a copy is cheaper than giving a whole read buffer away. */
const copyBelow = 16_384;
/** So much of one stream, and the other descriptors of the event loop get their turn. */
const readsInATurn = 16;
/** Where every stream reads until its first large read: most executions write a line or two. A read and what becomes of
    it are one turn, so what is in it is always copied out before another stream reads. */
const shared = Buffer.allocUnsafeSlow(readBytes);

/**
 * The bytes that come out of a pipe, read only while somebody takes them: what is not taken stays in the pipe, and the
 * writer waits. Ends when the last writer has closed its end.
 */
export class PipeOutput extends Readable {
  readonly #reader: Reader;
  #buffer: Buffer = shared;
  #received = 0;
  #finished = false;
  #onProgress: (() => void) | null = null;
  #onReleased: (() => void) | null = null;

  /** Owns the read end `fd` from now on. */
  constructor(fd: number) {
    super({ highWaterMark: readBytes });
    this.#reader = new Reader(fd, () => this.#onReadable());
    this.#reader.start();
  }

  /** Bytes taken out of the pipe so far. */
  get received(): number {
    return this.#received;
  }

  /** Bytes in the pipe that were not taken yet (FIONREAD). */
  get pending(): number {
    return this.#reader.pending;
  }

  /** Nothing more will come. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Called whenever bytes were taken and at the end; one listener. */
  set onProgress(listener: (() => void) | null) {
    this.#onProgress = listener;
  }

  /** Called once, when the pipe's descriptor is closed; one listener. */
  set onReleased(listener: () => void) {
    if (this.#finished) listener();
    else this.#onReleased = listener;
  }

  /**
   * Takes what is left in the pipe into the stream's own buffer, whoever reads it and when, and lets go of the pipe. For
   * when no writer is left: at most the pipe's capacity (64 KiB) is kept, nothing is lost, and no descriptor stays open.
   */
  takeRest(): void {
    while (!this.#finished) {
      const length = this.#read();
      // null: somebody outside holds a write end, and has written nothing.
      if (length === null || length === 0) this.#finish();
      else this.#take(length);
    }
  }

  override _read(): void {
    if (!this.#finished) this.#reader.start();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#finish();
    callback(error);
  }

  #onReadable(): void {
    for (let reads = 0; reads < readsInATurn && !this.#finished; reads++) {
      const length = this.#read();
      if (length === null) return;
      if (length === 0) return this.#finish();
      const room = this.#buffer.length;
      if (!this.#take(length)) return this.#reader.stop();
      if (length < room) return;
    }
  }

  #read(): number | null {
    try {
      return this.#reader.read(this.#buffer);
    } catch {
      return 0; // ends the stream as end of file does: what was read is all there is
    }
  }

  #take(length: number): boolean {
    let chunk = this.#buffer.subarray(0, length);
    if (length < copyBelow || this.#buffer === shared) chunk = Buffer.from(chunk);
    if (length >= copyBelow) this.#buffer = Buffer.allocUnsafeSlow(readBytes);
    this.#received += length;
    const wantsMore = this.push(chunk);
    this.#onProgress?.();
    return wantsMore;
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#reader.close();
    this.push(null);
    this.#onProgress?.();
    this.#onReleased?.();
  }
}
