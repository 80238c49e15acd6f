import { Readable } from 'node:stream';
import { HatcheryError } from '../errors.ts';
import type { OutputCursor, OutputSource } from './output-source.ts';

const highWaterMark = 65_536;

/**
 * A stream of an execution as a Readable: every byte from the first on. While nobody reads it, the program waits once
 * the pipe is full; if somebody is attached meanwhile, it goes on, and whoever reads here too late gets an error.
 * Destroying it closes the pipe.
 */
export class OutputStream extends Readable implements OutputCursor {
  readonly #name: string;
  readonly #source: OutputSource;
  #offset: number;
  /** Somebody has begun to read. */
  #engaged = false;
  #isAsked = false;
  #isEnded = false;
  #isSettled = false;

  constructor(name: string, source: OutputSource) {
    super({ highWaterMark });
    this.#name = name;
    this.#source = source;
    // 0, or behind what an earlier runner took: attach() tells that.
    this.#offset = source.log.end;
    source.add(this);
  }

  get offset(): number {
    return this.#offset;
  }

  get holdsBack(): boolean {
    return this.#engaged || (!this.#isSettled && !this.#source.hasOthers(this));
  }

  /** Whether what was taken so far has gone on to a reader that takes everything at once (`on('data')`). */
  get isFlowingOn(): boolean {
    return this.readableFlowing === true && this.readableLength > 0;
  }

  onChange(): void {
    if (this.#isAsked) this.#pass(false);
    else if (this.#source.finished && this.#engaged) this.#pass(true);
  }

  /** The exit is about to be told: a reader that has begun gets what was written before, however far behind it is. */
  passAll(): void {
    if (this.#engaged) this.#pass(true);
  }

  /** The exit is told: what nobody has begun to read is kept as a replay is, and no longer for this reader alone. */
  settle(): void {
    this.#isSettled = true;
    this.#source.moved();
  }

  override _read(): void {
    this.#engaged = true;
    this.#isAsked = true;
    this.#pass(false);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#source.finish();
    this.#source.delete(this);
    callback(error);
  }

  #pass(unasked: boolean): void {
    const { log } = this.#source;
    if (this.destroyed || this.#isEnded) return;
    if (this.#offset < log.start) {
      this.#refuseGap(log.start - this.#offset);
      return;
    }
    for (;;) {
      const chunk = this.#isAsked || unasked ? log.at(this.#offset) : null;
      if (chunk === null) break;
      this.#offset += chunk.length;
      this.#isAsked = false;
      // Whoever listens may ask again from inside the push.
      if (this.#hand(chunk)) this.#isAsked = true;
    }
    this.#source.moved();
    if (!this.#source.finished || this.#offset < log.end) return;
    this.#isEnded = true;
    this.push(null);
  }

  /** A listener that throws harms nobody else who reads: its error surfaces on its own, as an uncaught exception. */
  #hand(chunk: Buffer): boolean {
    try {
      return this.push(chunk);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
      return true;
    }
  }

  #refuseGap(bytes: number): void {
    const text = `${this.#name}: ${bytes} bytes from offset ${this.#offset} on are gone: it was not read while somebody was attached to the execution; read it from the start, or attach() and take the gap`;
    this.destroy(new HatcheryError('ERR_OUTPUT_GAP', text));
  }
}
