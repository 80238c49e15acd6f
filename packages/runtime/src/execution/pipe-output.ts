import { readSync } from 'node:fs';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { bytesReadable, releaseFd } from '@hatchery/linux';

const readBytes = 65_536;
/** Below this a copy is cheaper than giving a whole read buffer away. */
const copyBelow = 16_384;
/** Where every stream reads until its first large read: most executions write a line or two. A read and its callback are one
    turn, so what is in it is always copied out before another stream reads. */
const shared = Buffer.allocUnsafeSlow(readBytes);

/**
 * The bytes that come out of a pipe, read only while somebody takes them: what is not taken stays in the pipe, and the
 * writer waits. Ends when the last writer has closed its end.
 */
export class PipeOutput extends Readable {
  readonly #fd: number;
  readonly #socket: Socket;
  #buffer: Buffer = shared;
  #received = 0;
  #finished = false;
  #onProgress: (() => void) | null = null;
  #onReleased: (() => void) | null = null;

  /** Owns the read end `fd` from now on. */
  constructor(fd: number) {
    super({ highWaterMark: readBytes });
    this.#fd = fd;
    this.#socket = new Socket({
      fd: releaseFd(fd),
      readable: true,
      writable: false,
      onread: { buffer: () => this.#buffer, callback: (length: number) => this.#onBytes(length) },
    });
    this.#socket.on('end', () => this.#finish());
    // EIO and the like end the stream as end of file does: what was read is all there is.
    this.#socket.on('error', () => this.#finish());
    this.#socket.on('close', () => {
      this.#finish();
      this.#onReleased?.();
    });
    this.#socket.resume();
  }

  /** Bytes taken out of the pipe so far. */
  get received(): number {
    return this.#received;
  }

  /** Bytes in the pipe that were not taken yet (FIONREAD). */
  get pending(): number {
    return this.#finished || this.#socket.destroyed ? 0 : bytesReadable(this.#fd);
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
    this.#onReleased = listener;
  }

  /**
   * Takes what is left in the pipe into the stream's own buffer, whoever reads it and when, and lets go of the pipe. For
   * when no writer is left: at most the pipe's capacity (64 KiB) is kept, nothing is lost, and no descriptor stays open.
   */
  takeRest(): void {
    if (this.#finished || this.#socket.destroyed) return;
    for (let length = this.#readNow(); length > 0; length = this.#readNow()) this.#onBytes(length);
    this.#finish();
    this.#socket.destroy();
  }

  #readNow(): number {
    try {
      return readSync(this.#fd, this.#buffer);
    } catch {
      return 0; // EAGAIN: somebody outside holds a write end, and has written nothing
    }
  }

  override _read(): void {
    if (!this.#finished) this.#socket.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#socket.destroy();
    this.#finished = true;
    this.#onProgress?.();
    callback(error);
  }

  #onBytes(length: number): boolean {
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
    this.push(null);
    this.#onProgress?.();
  }
}
