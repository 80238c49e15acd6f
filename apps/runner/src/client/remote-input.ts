import { Writable } from 'node:stream';
import { maxFrameBytes, stdinWindow } from '../wire/frame.ts';
import type { TakenView } from '../wire/views.ts';

type Done = (error?: Error | null) => void;

/** Standard input of a program behind a server: never more on its way than the server holds for it. */
export class RemoteInput extends Writable {
  readonly #send: (bytes: Buffer) => void;
  #untaken = 0;
  #goOn: (() => void) | null = null;

  constructor(send: (bytes: Buffer) => void) {
    super({ decodeStrings: true });
    this.#send = send;
    // Whoever writes gets it in the callback.
    this.on('error', () => {});
  }

  /** The server told so. */
  taken({ bytes, closed }: TakenView): void {
    this.#untaken -= bytes;
    if (closed) this.destroy(Object.assign(new Error('the program reads no more'), { code: 'EPIPE' }));
    else this.#goOn?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    let rest = chunk;
    const writeOn = (): void => {
      this.#goOn = null;
      while (rest.length > 0) {
        const piece = rest.subarray(0, Math.min(maxFrameBytes, stdinWindow - this.#untaken));
        if (piece.length === 0) {
          this.#goOn = writeOn;
          return;
        }
        this.#untaken += piece.length;
        this.#send(piece);
        rest = rest.subarray(piece.length);
      }
      done();
    };
    writeOn();
  }

  override _final(done: Done): void {
    this.#send(Buffer.alloc(0));
    done();
  }
}
