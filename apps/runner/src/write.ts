import type { Writable } from 'node:stream';

/** Resolves once the bytes have left this process, so that exiting right after loses none. Rejects with EPIPE when nobody reads any more. */
export function write(stream: Writable, data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(data, (error) => (error ? reject(error) : resolve()));
  });
}
