import { finished, Readable } from 'node:stream';

const bufferedBytes = 64 * 1024;

/**
 * A stream of bytes that is still to be opened, elsewhere: as fast as it is read, with errors as `translate` has them.
 * Destroying it ends the opening, and what it has opened, at once.
 */
export class FileStream extends Readable {
  readonly #translate: (error: unknown) => Error;
  readonly #givingUp = new AbortController();
  #inner: Readable | null = null;
  #isWanted = false;

  /** @param end destroys the stream with its reason when it fires */
  constructor(
    open: (signal: AbortSignal) => Promise<Readable>,
    translate: (error: unknown) => Error,
    end: AbortSignal | undefined,
  ) {
    super({ highWaterMark: bufferedBytes });
    this.#translate = translate;
    const onEnd = (): void => this.#fail(end?.reason);
    end?.addEventListener('abort', onEnd, { once: true });
    this.once('close', () => end?.removeEventListener('abort', onEnd));
    open(this.#givingUp.signal).then(
      (inner) => this.#take(inner),
      (error: unknown) => this.#fail(error),
    );
    if (end?.aborted) onEnd();
  }

  override _read(): void {
    this.#isWanted = true;
    this.#inner?.resume();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#givingUp.abort();
    this.#inner?.destroy();
    callback(error);
  }

  #fail(error: unknown): void {
    this.destroy(this.#translate(error));
  }

  #take(inner: Readable): void {
    finished(inner, (error) => {
      if (error) this.#fail(error);
      else this.push(null);
    });
    if (this.destroyed) return void inner.destroy();
    this.#inner = inner;
    inner.on('data', (chunk: Buffer) => {
      this.#isWanted = this.push(chunk);
      if (!this.#isWanted) inner.pause();
    });
    if (!this.#isWanted) inner.pause();
  }
}
