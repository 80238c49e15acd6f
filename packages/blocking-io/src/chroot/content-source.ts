import { Readable } from 'node:stream';
import { ChrootError } from './chroot-error.ts';

/** What a file can be written from: bytes, text (as UTF-8), or a stream of either. */
export type FileContent = Uint8Array | string | Readable;

/** What one message carries. */
export const CHUNK_BYTES: number = 256 * 1024;

export type Chunks = AsyncGenerator<Uint8Array, void, void>;

/** The content of a file that is to be written, as bytes. */
export class ContentSource {
  /** Of at most `CHUNK_BYTES` each; rejects with the stream's own error. */
  readonly chunks: Chunks;
  readonly #content: FileContent;
  readonly #path: string;

  /** @throws ChrootError `ERR_FILE_ARGUMENT` */
  constructor(content: FileContent, path: string) {
    this.#content = content;
    this.#path = path;
    if (!(content instanceof Readable)) this.#asBytes(content);
    // Who reads it is told of a failure, also of one from before; while nobody does, it must not end the process.
    else content.on('error', () => {});
    this.chunks = this.#read();
  }

  /** Ends a stream that is waited for. It is not given the reason, which is no error of its own. */
  stop(): void {
    if (this.#content instanceof Readable) this.#content.destroy();
  }

  /** A stream that was not read to its end is destroyed. */
  async close(): Promise<void> {
    // Its own error has been thrown already.
    await this.chunks.return().catch(() => {});
    if (this.#content instanceof Readable) this.#content.destroy();
  }

  async *#read(): Chunks {
    const content = this.#content;
    if (!(content instanceof Readable)) yield* slices(this.#asBytes(content));
    // Left to itself the iterator would destroy the stream with an AbortError, which its owner took for its own.
    else for await (const chunk of content.iterator({ destroyOnReturn: false })) yield* slices(this.#asBytes(chunk));
  }

  #asBytes(chunk: unknown): Uint8Array {
    if (chunk instanceof Uint8Array) return chunk;
    if (typeof chunk === 'string') return Buffer.from(chunk, 'utf8');
    const text = `content is a string, a Uint8Array or a stream of those, not ${chunk === null ? 'null' : typeof chunk}`;
    throw new ChrootError('ERR_FILE_ARGUMENT', this.#path, text);
  }
}

function* slices(bytes: Uint8Array): Generator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
}
