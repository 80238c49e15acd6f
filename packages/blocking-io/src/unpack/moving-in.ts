import { constants } from 'node:fs';
import { type FileOwner, listNames, renameAs, statEntry } from '@hatchery/linux';
import { ArchiveError } from '../tar/archive-error.ts';
import { ArchiveFault } from '../tar/archive-fault.ts';
import { quoteName } from '../tar/tar-entry.ts';
import { MemberPath } from './member-path.ts';
import { hasCode, openDirectoryBelow } from './strict-open.ts';

const NAMES_AT_ONCE = 1000;
/** Entries after which the thread looks after its other handles. */
const ENTRIES_AT_ONCE = 500;

/** An entry of the staging directory and what has its name in the destination. */
interface Pair {
  readonly path: MemberPath;
  readonly stagedFd: number;
  readonly destinationFd: number;
  readonly meets: 'nothing' | 'directories' | 'replaceable' | 'conflict';
}

/**
 * Moves what was unpacked to where it belongs. Whole trees at once where nothing has their name; directories that are
 * there stay and get what is new in them; a file or link that is there is replaced. Before the first is moved all are
 * looked at, so that what cannot be is refused while nothing is done.
 */
export class MovingIn {
  readonly #stagingFd: number;
  readonly #destinationFd: number;
  readonly #owner: FileOwner;
  readonly #steps: Generator<void>;
  /** What was moved to where nothing was: all that can be taken back. */
  readonly #moved: MemberPath[] = [];

  constructor(stagingFd: number, destinationFd: number, owner: FileOwner) {
    this.#stagingFd = stagingFd;
    this.#destinationFd = destinationFd;
    this.#owner = owner;
    this.#steps = this.#run();
  }

  /** Goes on for a while; true once all is done. When it throws, what was new in the destination is out of it again. */
  step(): boolean {
    try {
      for (let count = 0; count < ENTRIES_AT_ONCE; count += 1) if (this.#steps.next().done === true) return true;
      return false;
    } catch (error) {
      this.#takeBack();
      throw error;
    }
  }

  close(): void {
    this.#steps.return(undefined);
  }

  *#run(): Generator<void> {
    for (const pair of this.#pairs()) {
      if (pair.meets === 'conflict') throw conflict(pair.path);
      yield;
    }
    for (const pair of this.#pairs()) {
      if (pair.meets !== 'directories') this.#move(pair);
      yield;
    }
  }

  #move({ path, stagedFd, destinationFd, meets }: Pair): void {
    try {
      renameAs(this.#owner, stagedFd, path.name, destinationFd, path.name);
    } catch (error) {
      // What was looked at has been swapped meanwhile.
      throw hasCode(error, 'EISDIR', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST') ? conflict(path) : error;
    }
    if (meets === 'nothing') this.#moved.push(path);
  }

  /** Directories that are in both come before what is in them. */
  *#pairs(): Generator<Pair> {
    const directories = [MemberPath.root];
    for (let path = directories.pop(); path !== undefined; path = directories.pop()) {
      using staged = openDirectoryBelow(this.#stagingFd, path, 'names');
      using destination = openInDestination(this.#destinationFd, path);
      for (const name of namesOf(staged.fd)) {
        const child = path.child(name);
        const meets = meetingOf(staged.fd, destination.fd, name);
        if (meets === 'directories') directories.push(child);
        yield { path: child, stagedFd: staged.fd, destinationFd: destination.fd, meets };
      }
    }
  }

  #takeBack(): void {
    for (const path of this.#moved.toReversed()) {
      try {
        using staged = openDirectoryBelow(this.#stagingFd, path.parent, 'path');
        using destination = openDirectoryBelow(this.#destinationFd, path.parent, 'path');
        renameAs(this.#owner, destination.fd, path.name, staged.fd, path.name);
      } catch {
        // Moved or removed by whoever lives in the root: it is his now.
      }
    }
  }
}

function openInDestination(fd: number, path: MemberPath): ReturnType<typeof openDirectoryBelow> {
  try {
    return openDirectoryBelow(fd, path, 'path');
  } catch (error) {
    throw error instanceof ArchiveFault ? conflict(path, error.message) : error;
  }
}

function* namesOf(fd: number): Generator<Buffer> {
  for (let after: Buffer | null = null; ; ) {
    const names: Buffer[] = listNames(fd, after, NAMES_AT_ONCE);
    yield* names;
    after = names.at(-1) ?? null;
    if (after === null) return;
  }
}

function meetingOf(stagedFd: number, destinationFd: number, name: Buffer): Pair['meets'] {
  const there = typeOf(destinationFd, name);
  if (there === null) return 'nothing';
  const staged = typeOf(stagedFd, name);
  if (there === constants.S_IFDIR && staged === constants.S_IFDIR) return 'directories';
  return there === constants.S_IFDIR || staged === constants.S_IFDIR ? 'conflict' : 'replaceable';
}

/** Null: there is none. */
function typeOf(fd: number, name: Buffer): number | null {
  try {
    return statEntry(fd, name).mode & constants.S_IFMT;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
}

function conflict(
  path: MemberPath,
  why = 'a directory would take the place of what is none, or the other way round',
): Error {
  const entry = quoteName(path.bytes);
  return new ArchiveError({ code: 'ERR_ARCHIVE_REFUSED', text: `in the destination, ${why}`, entry, offset: 0 });
}
