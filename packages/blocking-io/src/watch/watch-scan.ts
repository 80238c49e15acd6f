import { type Dirent, opendirSync } from 'node:fs';
import { constants } from 'node:os';
import { closeFd, decodeFileName, type Inotify, LinuxError } from '@hatchery/linux';
import type { WatchOutlet } from './watch-outlet.ts';
import type { WatchPace } from './watch-pace.ts';
import type { WatchedDirectory } from './watched-directory.ts';
import type { WatchedTree } from './watched-tree.ts';

/** Entries between two looks at the clock. */
const ENTRIES_A_LOOK = 128;
/** Entries of all directories that are read before a watch stands: some seconds. Its beginning has a deadline. */
const MAX_ENTRIES = 4_000_000;
/** Names that are remembered in order to be told once. Of a directory that brings more, `overflow` is told. */
const MAX_TOLD = 10_000;
/** Directories that are looked for again and again. */
const MAX_MISSED = 256;
/** Gone, moved, or a symlink or file by now: the events that follow say so. */
const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ESTALE']);

export interface ScanContext {
  readonly tree: WatchedTree;
  readonly inotify: Inotify;
  readonly outlet: WatchOutlet;
  readonly pace: WatchPace;
  /** The path of the watched directory. */
  readonly base: string;
  readonly maxDirectories: number;
  readonly closed: () => boolean;
  /** Whether there are no events that were not handled. */
  readonly drained: () => boolean;
}

interface Place {
  readonly parent: WatchedDirectory;
  readonly name: string;
}

/** Directories that are found and not read yet. */
interface Visit extends Place {
  /** Names of `parent` that were told by reading it. */
  readonly told: Set<string>;
}

/** One look at the whole tree. */
interface Renewal {
  readonly strict: boolean;
  readonly seen: Set<WatchedDirectory>;
  /** Those that are found and not read yet. */
  readonly places: Place[];
  /** What could not be watched. */
  readonly blind: string[];
  entries: number;
}

/**
 * Reads directories that somebody may be changing. Each gets its watch first and is read then, so that nothing falls in
 * between; what both the reading and an event find is told once.
 */
export class WatchScan {
  readonly #context: ScanContext;
  /** Directories that remember what was told of them, until the events of that time were handled. */
  readonly #remembering: WatchedDirectory[] = [];
  #remembered = 0;
  /** What could not be found where it is by the tree, because events that move it there or away were not handled yet. */
  #missed: (Place & { readonly isTold: boolean })[] = [];

  constructor(context: ScanContext) {
    this.#context = context;
  }

  /** Gives watches to a directory that came to be in the tree and has been told, and to all in it, and tells all in it. */
  async adopt(parent: WatchedDirectory, name: string): Promise<void> {
    await this.#adopt(parent, name, true);
  }

  /** The same for one that nothing was told of, or not since it was told to be gone; it may not be there. */
  async adoptUntold(parent: WatchedDirectory, name: string): Promise<void> {
    await this.#adopt(parent, name, false);
  }

  async #adopt(parent: WatchedDirectory, name: string, isTold: boolean): Promise<void> {
    const { inotify, pace, closed } = this.#context;
    const told = new Set(isTold ? [name] : []);
    const visits: Visit[] = [];
    await this.#adoptOne({ parent, name, told }, visits, isTold);
    if (!isTold) this.#remember(parent, told, inotify.received + inotify.pending);
    for (let at = visits.pop(); at !== undefined && !closed(); at = visits.pop()) {
      await this.#adoptOne(at, visits, true);
      if (pace.due) await pace.pause();
    }
  }

  /**
   * Gives a watch to each directory of the tree, where it is now, and takes it from those that are not there; tells
   * nothing but `overflow` of what could not be watched. With `strict`, throws `LinuxError` ENOSPC instead.
   */
  async renew(strict: boolean): Promise<void> {
    const { tree, pace, closed } = this.#context;
    this.forgetTold();
    this.#missed = [];
    tree.takeLost();
    const renewal: Renewal = { strict, seen: new Set([tree.base]), places: [], blind: [], entries: 0 };
    await this.#renewBelow(tree.base, tree.baseFd, renewal);
    for (let at = renewal.places.pop(); at !== undefined && !closed(); at = renewal.places.pop()) {
      await this.#renewOne(at, renewal);
      if (pace.due) await pace.pause();
    }
    if (closed()) return;
    for (const directory of tree.directories())
      if (!renewal.seen.has(directory) && !directory.dropped) tree.drop(directory);
    for (const path of renewal.blind) this.#context.outlet.tellOverflow(path);
  }

  /**
   * Looks again for what was not found: when directories have moved in the tree, and when there are no more events. False:
   * so much is missed that the whole tree had better be renewed.
   */
  async adoptMissed(): Promise<boolean> {
    const { tree, closed, pace } = this.#context;
    for (const { parent, name } of tree.takeLost()) this.#miss(parent, name, false);
    const missed = this.#missed;
    if (missed.length > MAX_MISSED) return false;
    this.#missed = [];
    for (const { parent, name, isTold } of missed) {
      if (closed()) break;
      if (parent.attached) await this.#adopt(parent, name, isTold);
      if (pace.due) await pace.pause();
    }
    return true;
  }

  /** To be called when all events that came during the readings were handled. */
  forgetTold(): void {
    for (const directory of this.#remembering.splice(0)) directory.forgetTold();
    this.#remembered = 0;
  }

  /** @param isThere whether it was seen to be there, so that it is told although it cannot be opened */
  async #adoptOne({ parent, name, told }: Visit, visits: Visit[], isThere: boolean): Promise<void> {
    const { tree, outlet, base, drained } = this.#context;
    const path = parent.pathIn(base, name);
    const tell = (): void => {
      if (!told.has(name)) this.#tellFound(path, name, told);
    };
    let fd: number;
    try {
      fd = tree.open(parent, name);
    } catch (error) {
      if (isThere) tell();
      if (!isGone(error)) outlet.tellOverflow(path);
      else if (codeOf(error) === 'ESTALE' || (isThere && !drained())) this.#miss(parent, name, isThere);
      return;
    }
    try {
      const added = tree.add(fd, parent, name);
      if (added?.known === true) {
        // Moved here, and the events of its move are still to come: they tell it.
        if (added.directory.parent !== parent || added.directory.name !== name)
          added.directory.sighted = { parent, name };
        return;
      }
      tell();
      if (added !== null) await this.#tellBelow(added.directory, fd, visits);
    } catch {
      tell();
      outlet.tellOverflow(path);
    } finally {
      closeFd(fd);
    }
  }

  #miss(parent: WatchedDirectory, name: string, isTold: boolean): void {
    const isKnown = this.#missed.some((missed) => missed.parent === parent && missed.name === name);
    if (!isKnown && this.#missed.length <= MAX_MISSED) this.#missed.push({ parent, name, isTold });
  }

  #remember(directory: WatchedDirectory, told: Set<string>, until: number): void {
    directory.tellOnce(told, until);
    this.#remembering.push(directory);
  }

  async #tellBelow(directory: WatchedDirectory, fd: number, visits: Visit[]): Promise<void> {
    const { base, inotify, outlet, maxDirectories } = this.#context;
    const told = new Set<string>();
    await this.#list(fd, (name, isDirectory) => {
      if (!isDirectory) this.#tellFound(directory.pathIn(base, name), name, told);
      else if (visits.length < maxDirectories) visits.push({ parent: directory, name, told });
      else outlet.tellOverflow(directory.pathIn(base, name));
    });
    this.#remember(directory, told, inotify.received + inotify.pending);
  }

  #tellFound(path: string, name: string, told: Set<string>): void {
    // Beyond that an overflow was told, and the reader lists the directory.
    if (this.#remembered > MAX_TOLD) return;
    this.#remembered += 1;
    if (this.#remembered > MAX_TOLD) return this.#context.outlet.tellOverflow();
    told.add(name);
    this.#context.outlet.tell({ type: 'create', path });
  }

  async #renewOne({ parent, name }: Place, renewal: Renewal): Promise<void> {
    const { tree, base } = this.#context;
    let fd: number | null = null;
    try {
      fd = tree.open(parent, name);
      const added = tree.add(fd, parent, name);
      // A second time: mounted in two places.
      if (added === null || renewal.seen.has(added.directory)) return;
      renewal.seen.add(added.directory);
      if (added.known) tree.move(added.directory, parent, name, false);
      await this.#renewBelow(added.directory, fd, renewal);
    } catch (error) {
      if (isGone(error)) return this.#miss(parent, name, true);
      if (renewal.strict && codeOf(error) === 'ENOSPC') throw error;
      addBlind(renewal.blind, parent.pathIn(base, name), base);
    } finally {
      if (fd !== null) closeFd(fd);
    }
  }

  async #renewBelow(parent: WatchedDirectory, fd: number, renewal: Renewal): Promise<void> {
    const { base, maxDirectories } = this.#context;
    const { places, blind } = renewal;
    await this.#list(fd, (name, isDirectory) => {
      renewal.entries += 1;
      if (renewal.strict && renewal.entries > MAX_ENTRIES) throw tooManyEntries(parent.pathIn(base));
      if (!isDirectory) return;
      if (places.length <= maxDirectories) places.push({ parent, name });
      else addBlind(blind, parent.pathIn(base, name), base);
    });
  }

  /** The entries of a directory, in slices and within memory that its size does not change. Throws as node:fs does. */
  async #list(fd: number, onEntry: (name: string, isDirectory: boolean) => void): Promise<void> {
    const { pace, closed } = this.#context;
    // The descriptor itself, opened once more in order to be read.
    const directory = opendirSync(`/proc/self/fd/${fd}`, {
      encoding: 'buffer' as BufferEncoding,
      bufferSize: ENTRIES_A_LOOK,
    });
    try {
      for (let count = 1; !closed(); count += 1) {
        const entry = directory.readSync() as unknown as Dirent<Buffer> | null;
        if (entry === null) return;
        onEntry(decodeFileName(entry.name), entry.isDirectory());
        if (count % ENTRIES_A_LOOK === 0 && pace.due) await pace.pause();
      }
    } finally {
      directory.closeSync();
    }
  }
}

/** So many places are named; of more, the watched directory as a whole. */
function addBlind(blind: string[], path: string, base: string): void {
  if (blind.length < 16) blind.push(path);
  else blind[16] = base;
}

function tooManyEntries(path: string): LinuxError {
  const text = `${JSON.stringify(path)}, where ${MAX_ENTRIES} entries were read and there are more; watch less, or not recursively`;
  return new LinuxError('getdents64', constants.errno.ENOSPC, text);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function isGone(error: unknown): boolean {
  return GONE.has(codeOf(error));
}
