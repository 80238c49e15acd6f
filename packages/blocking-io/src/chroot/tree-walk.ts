import { closeFd, decodeFileName, encodeFileName, LinuxError, OpenFlag, openat2, Resolve } from '@hatchery/linux';
import { type ChrootEntry, describeEntry } from './chroot-entry.ts';
import { ChrootError } from './chroot-error.ts';
import type { ChrootPath } from './chroot-path.ts';
import type { HeldRoot } from './held-root.ts';
import { isKernelFile } from './kernel-files.ts';
import { nameWindow } from './name-window.ts';
import type { OpenFd } from './open-fd.ts';
import { openDirectory } from './walk.ts';

/** One directory between the top and where the walk is. */
interface Level {
  readonly path: ChrootPath;
  /** Null: closed on the way down, to be opened again. */
  fd: number | null;
  names: Buffer[];
  at: number;
  /** The name that was told last. */
  last: Buffer | null;
  /** Whether there may be names behind those that are held. */
  more: boolean;
}

/** Descriptors held at the same time, beside that of the top. */
const OPEN_LEVELS = 16;
const PATH_BYTES = 4096;
/** Nothing in between is a link, whatever was swapped, and nothing leads out of the directory above. */
const BELOW = Resolve.beneath | Resolve.noSymlinks | Resolve.noMagicLinks;
const DIRECTORY = OpenFlag.O_RDONLY | OpenFlag.O_DIRECTORY | OpenFlag.O_NOFOLLOW | OpenFlag.O_NONBLOCK;

/**
 * Goes through a tree in an order that a later walk can go on in: a directory before what is in it, the names of one
 * directory by their bytes. Neither descriptors nor memory grow with the tree: at most twice `limit` names are held.
 */
export class TreeWalk implements Disposable {
  readonly #root: HeldRoot;
  readonly #top: OpenFd;
  readonly #topPath: ChrootPath;
  readonly #depth: number;
  readonly #limit: number;
  readonly #levels: Level[] = [];
  #held = 0;

  /** Throws `LinuxError` (ENOENT, ENOTDIR) and `ChrootError`. */
  constructor(root: HeldRoot, path: ChrootPath, options: { readonly depth: number; readonly limit: number }) {
    this.#root = root;
    this.#topPath = path;
    this.#depth = options.depth;
    this.#limit = options.limit;
    this.#top = openDirectory(root, path);
    this.#levels.push(makeLevel(path, this.#top.fd));
  }

  /** Goes on behind an entry that was told before, wherever that is by now. */
  skipTo(after: ChrootPath): void {
    const above = this.#topPath.parts;
    const rest = after.parts.slice(above.length);
    if (after.head(above.length).shown !== this.#topPath.shown || rest.length === 0 || rest.includes('..')) {
      const text = `${JSON.stringify(after.shown)} is not the path of an entry below it, as a list told it`;
      throw new ChrootError('ERR_FILE_ARGUMENT', this.#topPath.shown, `after: ${text}`);
    }
    for (const part of rest) {
      const level = this.#deepest();
      level.last = encodeFileName(part);
      if (!this.#enter(level, level.last, level.path.child(part))) return;
    }
  }

  /** Null at the end. What vanishes between the reading of its name and the look at it is left out. */
  next(): ChrootEntry | null {
    while (this.#levels.length > 0) {
      const level = this.#deepest();
      const name = this.#nextName(level);
      if (name === null) {
        this.#leave();
        continue;
      }
      const path = level.path.child(decodeFileName(name));
      const entry = this.#describe(level, name, path);
      if (entry === null) continue;
      if (entry.type === 'directory') this.#enter(level, name, path);
      return entry;
    }
    return null;
  }

  [Symbol.dispose](): void {
    for (const level of this.#levels.slice(1)) closeLevel(level);
    this.#top[Symbol.dispose]();
  }

  #deepest(): Level {
    return this.#levels.at(-1) as Level;
  }

  #nextName(level: Level): Buffer | null {
    for (;;) {
      const name = level.names[level.at];
      if (name === undefined) {
        if (!level.more || !this.#readNames(level)) return null;
        continue;
      }
      level.at += 1;
      this.#held -= 1;
      // Some filesystems tell a name twice when others come and go during the reading.
      if (level.last?.equals(name) === true) continue;
      level.last = name;
      return name;
    }
  }

  #readNames(level: Level): boolean {
    const fd = this.#fdOf(level);
    if (fd === null) return false;
    level.names = nameWindow.read(fd, level.last, this.#limit);
    level.at = 0;
    level.more = level.names.length === this.#limit;
    this.#held += level.names.length;
    // Those of the upper levels come last, if they come in this page at all; they are read again then.
    for (const upper of this.#levels) {
      if (this.#held <= 2 * this.#limit || upper === level) break;
      this.#held -= upper.names.length - upper.at;
      upper.more ||= upper.at < upper.names.length;
      upper.names = [];
      upper.at = 0;
    }
    return level.names.length > 0;
  }

  #describe(level: Level, name: Buffer, path: ChrootPath): ChrootEntry | null {
    const fd = this.#fdOf(level);
    return fd === null ? null : unlessGone(() => describeEntry(this.#root, fd, name, path));
  }

  /** Goes into a directory if it is to be listed, and still is one. */
  #enter(level: Level, name: Buffer, path: ChrootPath): boolean {
    if (this.#levels.length >= this.#depth || this.#below(path).length >= PATH_BYTES) return false;
    const above = this.#fdOf(level);
    const fd = above === null ? null : unlessGone(() => openat2(above, name, { flags: DIRECTORY, resolve: BELOW }));
    if (fd === null) return false;
    if (isKernelFile(fd)) {
      closeFd(fd);
      return false;
    }
    this.#levels.push(makeLevel(path, fd));
    const far = this.#levels.length - 1 - OPEN_LEVELS;
    if (far > 0) closeLevel(this.#levels[far] as Level);
    return true;
  }

  #leave(): void {
    const level = this.#levels.pop() as Level;
    if (this.#levels.length > 0) closeLevel(level);
  }

  /** Null: it is there no more. */
  #fdOf(level: Level): number | null {
    level.fd ??= unlessGone(() => openat2(this.#top.fd, this.#below(level.path), { flags: DIRECTORY, resolve: BELOW }));
    return level.fd;
  }

  /** A path from the top down. */
  #below(path: ChrootPath): Buffer {
    return encodeFileName(path.parts.slice(this.#topPath.parts.length).join('/'));
  }
}

function makeLevel(path: ChrootPath, fd: number): Level {
  return { path, fd, names: [], at: 0, last: null, more: true };
}

function closeLevel(level: Level): void {
  if (level.fd !== null) closeFd(level.fd);
  level.fd = null;
}

/** Null where it was removed meanwhile, or replaced by what is no directory. */
function unlessGone<T>(act: () => T): T | null {
  try {
    return act();
  } catch (error) {
    if (error instanceof LinuxError && ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(error.code)) return null;
    throw error;
  }
}
