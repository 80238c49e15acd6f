import { Readable } from 'node:stream';
import type { ChrootHandle } from '../chroot/chroot-handle.ts';
import { CHUNK_BYTES } from '../chroot/content-source.ts';
import type { PackRequest } from './pack-methods.ts';
import type { PackSummary } from './pack-report.ts';

/** Bounds of a pack. */
export interface PackOptions {
  /** A tree with more entries is not packed to its end. Default 1,000,000. */
  readonly maxEntries?: number | undefined;
  /** Of a directory: an entry `./` for it, before all others, so that one with a single file is told from the file. Default false. */
  readonly topEntry?: boolean | undefined;
  /** Of a symlink that the path names: what it leads to, under the link's name. Default false. */
  readonly followTop?: boolean | undefined;
  /** Destroys the stream with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A tar archive of a tree. */
export interface PackStream extends Readable {
  /** What is in it and what is not; null before the stream has ended. */
  readonly summary: PackSummary | null;
}

/** The archive is made at the pace at which it is read: the worker is asked for the next piece when somebody wants it. */
export function packStream(handle: ChrootHandle, request: PackRequest, signal: AbortSignal | undefined): PackStream {
  let summary: PackSummary | null = null;
  async function* pieces(): AsyncGenerator<Buffer> {
    const pack = await handle.call('openPack', request);
    try {
      for (;;) {
        const piece = await handle.call('nextPiece', { pack });
        if (!(piece instanceof Uint8Array)) {
          summary = piece;
          return;
        }
        if (piece.length === 0) continue;
        yield Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
      }
    } finally {
      // A handle that is closed or lost has let go of everything.
      await handle.call('closePack', { pack }).catch(() => {});
    }
  }
  const options = { objectMode: false, highWaterMark: CHUNK_BYTES };
  const stream = Readable.from(pieces(), signal === undefined ? options : { ...options, signal });
  return Object.defineProperty(stream, 'summary', { get: () => summary }) as PackStream;
}
