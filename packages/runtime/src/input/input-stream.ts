import { Writable } from 'node:stream';
import { Writer } from '@hatchery/linux';

/** Ctrl-D: what was typed goes to the reader; behind a whole line that is nothing, the end (termios(3), VEOF). */
const endOfLine = '\n'.charCodeAt(0);
const endOfTransmission = '\x04';

type Done = (error?: Error | null) => void;

/**
 * The standard input of an execution: writes never block the caller's thread. A write that nobody will read fails with
 * EPIPE in its callback; that the program no longer reads is no error of the stream, its exit tells the rest.
 */
export class InputStream extends Writable {
  readonly #writer: Writer;
  readonly #isTerminal: boolean;
  #isBehindLine = true;
  #waiting: (() => void) | null = null;

  /** Owns `fd` from now on: the write end of a pipe, or a terminal's master. */
  constructor(fd: number, options: { isTerminal: boolean }) {
    super({ decodeStrings: true });
    this.#isTerminal = options.isTerminal;
    this.#writer = new Writer(fd, () => this.#goOn());
    // Each write's callback gets it; without a listener it would end the process.
    this.on('error', () => {});
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    let left = chunk;
    if (chunk.length > 0) this.#isBehindLine = chunk.at(-1) === endOfLine;
    const writeOn = (): void => {
      try {
        while (left.length > 0) {
          const length = this.#writer.write(left);
          if (length === null) return this.#await(writeOn);
          left = left.subarray(length);
        }
      } catch (error) {
        return done(error instanceof Error ? error : new Error(String(error)));
      }
      done();
    };
    writeOn();
  }

  override _final(done: Done): void {
    // A pipe ends when it is closed; a terminal stays open for the output.
    if (!this.#isTerminal) return done();
    this._write(Buffer.from(endOfTransmission.repeat(this.#isBehindLine ? 1 : 2)), 'utf8', done);
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#writer.close();
    // A write that waits finds the writer closed, and its callback is told.
    this.#goOn();
    done(error);
  }

  #await(goOn: () => void): void {
    this.#waiting = goOn;
    this.#writer.awaitWritable();
  }

  #goOn(): void {
    const goOn = this.#waiting;
    this.#waiting = null;
    goOn?.();
  }
}
