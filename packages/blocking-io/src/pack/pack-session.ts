import { constants } from 'node:fs';
import { statEntry } from '@hatchery/linux';
import { ChrootPath } from '../chroot/chroot-path.ts';
import type { HeldRoot } from '../chroot/held-root.ts';
import { refuseKernelFile } from '../chroot/kernel-files.ts';
import { OpenFd } from '../chroot/open-fd.ts';
import { pin, refuseOther } from '../chroot/walk.ts';
import type { PackRequest } from './pack-methods.ts';
import { PackPath } from './pack-path.ts';
import type { PackSummary } from './pack-report.ts';
import { PackWalk } from './pack-walk.ts';
import { Packing } from './packing.ts';

/** Pieces are put together to this: a message costs more than the few bytes of a header. */
const CHUNK_BYTES = 256 * 1024;
/** The thread has other handles: a tree may have a million FIFOs and not one byte to pack. */
const TURN_MS = 20;

/** One archive on its way out of a root. */
export class PackSession {
  readonly #top: OpenFd;
  readonly #packing: Packing;
  readonly #pieces: Generator<Uint8Array>;
  /** Of the last piece, what did not fit. */
  #rest: Uint8Array = new Uint8Array(0);

  private constructor(top: OpenFd, packing: Packing, pieces: Generator<Uint8Array>) {
    this.#top = top;
    this.#packing = packing;
    this.#pieces = pieces;
  }

  /** A directory's content, or the one file or symlink that the path names. */
  static open(root: HeldRoot, { path, maxEntries, topEntry, followTop }: PackRequest): PackSession {
    const place = ChrootPath.parse(path);
    const top = pin(root, place, followTop ? 'follow' : 'no-follow');
    try {
      refuseKernelFile(top.fd, place);
      const packing = new Packing(root, maxEntries);
      const type = statEntry(top.fd, '').mode & constants.S_IFMT;
      if (type === constants.S_IFDIR)
        return new PackSession(top, packing, packing.tree(new PackWalk(top.fd), topEntry ? top : null));
      if (type !== constants.S_IFLNK) refuseOther(top.fd, place);
      return new PackSession(top, packing, packing.single(new PackPath(null, place.entryName), top));
    } catch (error) {
      top[Symbol.dispose]();
      throw error;
    }
  }

  /** The next piece of the archive, with its memory to itself and empty where the time was too short; the summary at its end. */
  next(): Uint8Array | PackSummary {
    const chunk = new Uint8Array(CHUNK_BYTES);
    const until = performance.now() + TURN_MS;
    let length = 0;
    while (length < chunk.length && performance.now() < until) {
      if (this.#rest.length === 0) {
        const { value, done } = this.#pieces.next() as IteratorResult<Uint8Array, void>;
        if (done === true && length === 0) return this.#packing.report.summary;
        if (done === true) break;
        this.#rest = value;
      }
      const part = this.#rest.subarray(0, chunk.length - length);
      chunk.set(part, length);
      length += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return length === chunk.length ? chunk : chunk.slice(0, length);
  }

  close(): void {
    this.#pieces.return(undefined);
    this.#top[Symbol.dispose]();
  }
}
