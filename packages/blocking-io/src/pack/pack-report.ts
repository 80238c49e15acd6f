import { decodeFileName } from '@hatchery/linux';

/** Why something is not in an archive as it is: left out, or, where it shrank while it was read, filled up with zeros. */
export type PackExceptionReason = 'fifo' | 'socket' | 'device' | 'mount' | 'shrank';

/** One thing that is not in an archive as it is in the tree. */
export interface PackException {
  /** In the archive. */
  readonly path: string;
  /** Why not. */
  readonly reason: PackExceptionReason;
}

/** What went into an archive, and what did not. */
export interface PackSummary {
  /** How many the archive has. */
  readonly entries: number;
  /** Of content. */
  readonly bytes: number;
  /** The first 1000. */
  readonly exceptions: readonly PackException[];
  /** How many there are in all, those beyond the first 1000 too. */
  readonly exceptionCount: number;
}

const MAX_EXCEPTIONS = 1000;

export class PackReport {
  entries = 0;
  bytes = 0;
  readonly #exceptions: PackException[] = [];
  #count = 0;

  add(name: Buffer, reason: PackExceptionReason): void {
    this.#count += 1;
    if (this.#exceptions.length < MAX_EXCEPTIONS) this.#exceptions.push({ path: decodeFileName(name), reason });
  }

  get summary(): PackSummary {
    const { entries, bytes } = this;
    return { entries, bytes, exceptions: this.#exceptions, exceptionCount: this.#count };
  }
}
