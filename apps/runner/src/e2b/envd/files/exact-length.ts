import { Transform, type TransformCallback } from 'node:stream';

/** Passes bytes on; fails where there are fewer than were announced, as when a file is cut while it is sent. */
export class ExactLength extends Transform {
  #left: number;

  constructor(length: number) {
    super();
    this.#left = length;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    this.#left -= chunk.length;
    callback(null, chunk);
  }

  override _flush(callback: TransformCallback): void {
    callback(this.#left === 0 ? null : new Error(`the file became ${this.#left} bytes shorter while it was sent`));
  }
}
