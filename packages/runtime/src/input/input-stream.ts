import { Writable } from 'node:stream';
import { Writer } from '@hatchery/linux';

/** End of input as a terminal in its usual mode takes it: Ctrl-D (termios(3), VEOF). */
const endOfTransmission = Buffer.from([4]);

type Done = (error?: Error | null) => void;

/**
 * The standard input of an execution: writes never block the caller's thread. A write that nobody will read fails with
 * EPIPE in its callback; that the program no longer reads is no error of the stream, its exit tells the rest.
 */
export class InputStream extends Writable {
  readonly #writer: Writer;
  readonly #isTerminal: boolean;
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
    if (this.#isTerminal) this._write(endOfTransmission, 'utf8', done);
    else done();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#writer.close();
    this.#waiting = null;
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
