import { Readable } from 'node:stream';
import type { ChrootHandle } from './chroot-handle.ts';
import { CHUNK_BYTES } from './content-source.ts';

export interface StreamRange {
  readonly offset: number;
  /** Null: to the end. */
  readonly length: number | null;
}

/** The bytes of a file: the worker is asked for the next chunk when somebody wants it. */
export function contentStream(
  handle: ChrootHandle,
  path: string,
  range: StreamRange,
  signal: AbortSignal | undefined,
): Readable {
  const options = { objectMode: false, highWaterMark: CHUNK_BYTES };
  return Readable.from(chunksOf(handle, path, range), signal === undefined ? options : { ...options, signal });
}

async function* chunksOf(handle: ChrootHandle, path: string, range: StreamRange): AsyncGenerator<Buffer, void, void> {
  const file = await handle.call('openReading', { path });
  try {
    let { offset } = range;
    for (let left = range.length ?? Number.POSITIVE_INFINITY; left > 0; ) {
      const chunk = await handle.call('readChunk', { file, path, offset, bytes: Math.min(CHUNK_BYTES, left) });
      if (chunk.length === 0) return;
      offset += chunk.length;
      left -= chunk.length;
      yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    }
  } finally {
    // A handle that is closed or lost has closed its files.
    await handle.call('closeReading', { file }).catch(() => {});
  }
}
