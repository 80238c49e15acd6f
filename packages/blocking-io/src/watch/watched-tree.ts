import { constants } from 'node:os';
import {
  closeFd,
  encodeFileName,
  filesystemType,
  type Inotify,
  InotifyMask,
  LinuxError,
  OpenFlag,
  openat2,
  Resolve,
} from '@hatchery/linux';
import { type Sighting, WatchedDirectory } from './watched-directory.ts';

const WATCHED =
  InotifyMask.modify |
  InotifyMask.attrib |
  InotifyMask.closeWrite |
  InotifyMask.movedFrom |
  InotifyMask.movedTo |
  InotifyMask.create |
  InotifyMask.delete |
  InotifyMask.deleteSelf |
  InotifyMask.moveSelf |
  InotifyMask.onlyDirectory |
  InotifyMask.excludeUnlinked;
/** No symlink on the way, whoever puts one there meanwhile: what is opened lies below the watched directory. */
const BELOW = Resolve.beneath | Resolve.noSymlinks | Resolve.noMagicLinks;
const DIRECTORY = OpenFlag.O_PATH | OpenFlag.O_DIRECTORY;
/** Of which the kernel tells no events, by linux/magic.h: proc, sysfs, cgroup, cgroup2, devpts, debugfs, tracefs, securityfs. */
const SILENT_FILESYSTEMS: ReadonlySet<number> = new Set([
  0x9fa0, 0x6265_6572, 0x27_e0eb, 0x6367_7270, 0x1cd1, 0x6462_6720, 0x7472_6163, 0x7363_6673,
]);
/** The longest path that a system call takes, less some. */
const MAX_STEP_BYTES = 4000;

/** The directories that have a watch, as a tree below one that is held open. */
export class WatchedTree {
  readonly base: WatchedDirectory;
  readonly baseFd: number;
  readonly #inotify: Inotify;
  readonly #maxDirectories: number;
  readonly #byWatch = new Map<number, WatchedDirectory>();
  readonly #lost: Sighting[] = [];

  /** `baseFd` stays the caller's. Throws `LinuxError`. */
  constructor(inotify: Inotify, baseFd: number, maxDirectories: number) {
    this.#inotify = inotify;
    this.baseFd = baseFd;
    this.#maxDirectories = maxDirectories;
    this.base = new WatchedDirectory(inotify.add(baseFd, WATCHED), null, '');
    this.#byWatch.set(this.base.watch, this.base);
  }

  get size(): number {
    return this.#byWatch.size;
  }

  get full(): boolean {
    return this.#byWatch.size >= this.#maxDirectories;
  }

  find(watch: number): WatchedDirectory | undefined {
    return this.#byWatch.get(watch);
  }

  directories(): WatchedDirectory[] {
    return [...this.#byWatch.values()];
  }

  /**
   * An O_PATH descriptor of an entry, if it is a directory. Throws `LinuxError`: ENOENT, ELOOP, ENOTDIR; ESTALE when another
   * directory has the place of `parent` by now.
   */
  open(parent: WatchedDirectory, name: string): number {
    if (parent === this.base) return openBelow(this.baseFd, encodeFileName(name));
    const fd = this.openDirectory(parent);
    try {
      return openBelow(fd, encodeFileName(name));
    } finally {
      closeFd(fd);
    }
  }

  /** An O_PATH descriptor of a directory with a watch that is not the base. Throws `LinuxError` ESTALE when it is not there. */
  openDirectory(directory: WatchedDirectory): number {
    const names: string[] = [];
    for (let at = directory; at.parent !== null; at = at.parent) names.push(at.name);
    let fd = this.baseFd;
    while (names.length > 0) {
      const before = fd;
      try {
        fd = openBelow(before, takeStep(names));
      } catch (cause) {
        throw new LinuxError('openat2', constants.errno.ESTALE, JSON.stringify(directory.name), { cause });
      } finally {
        if (before !== this.baseFd) closeFd(before);
      }
    }
    if (this.#watchOf(fd) === directory.watch) return fd;
    closeFd(fd);
    throw new LinuxError('openat2', constants.errno.ESTALE, JSON.stringify(directory.name));
  }

  /** The number of the watch on what is open, null if there is none. */
  #watchOf(fd: number): number | null {
    const watch = this.#inotify.add(fd, WATCHED);
    if (this.#byWatch.has(watch)) return watch;
    this.#inotify.remove(watch);
    return null;
  }

  /**
   * Watches what `fd`, which stays the caller's, has open at this place of the tree. `known`: the one that had a watch
   * already, here or elsewhere. Null: a filesystem that tells nothing. Throws `LinuxError`: ENOSPC, EACCES.
   */
  add(fd: number, parent: WatchedDirectory, name: string): { directory: WatchedDirectory; known: boolean } | null {
    if (SILENT_FILESYSTEMS.has(filesystemType(fd))) return null;
    let watch = this.#inotify.add(fd, WATCHED);
    const known = this.#byWatch.get(watch);
    if (known !== undefined) {
      const elsewhere = known.parent !== parent || known.name !== name;
      if (known.attached && (elsewhere || parent.children.get(name) === known))
        return { directory: known, known: true };
      // The name was told to be another one's meanwhile, or removed: what is in here has to be told again.
      this.drop(known);
      watch = this.#inotify.add(fd, WATCHED);
    }
    if (this.full) {
      this.#inotify.remove(watch);
      throw limitError(name, this.#maxDirectories);
    }
    const directory = new WatchedDirectory(watch, parent, name);
    this.#byWatch.set(watch, directory);
    parent.children.set(name, directory);
    return { directory, known: false };
  }

  /**
   * Puts a directory to another place. What was there stays known by its watch: an exchange of two directories tells next
   * where it went. False, and nothing is done, when the place lies in the directory itself: the tree is not true any more.
   */
  move(directory: WatchedDirectory, parent: WatchedDirectory, name: string, byEvent: boolean): boolean {
    for (let at: WatchedDirectory | null = parent; at !== null; at = at.parent) if (at === directory) return false;
    const { parent: before, name: nameBefore } = directory;
    if (before?.children.get(nameBefore) === directory) before.children.delete(nameBefore);
    directory.parent = parent;
    directory.name = name;
    directory.broughtByEvent = byEvent;
    if (directory.sighted?.parent === parent && directory.sighted.name === name) directory.sighted = null;
    parent.children.set(name, directory);
    return true;
  }

  /**
   * Places where directories were seen that have lost their watch since. One that was opened before its move and got its watch
   * after it says nothing of that move itself, so that nothing else may lead there. Each is told once.
   */
  takeLost(): Sighting[] {
    return this.#lost.splice(0);
  }

  /** Ends the watches of a directory and of everything below it. */
  drop(directory: WatchedDirectory): void {
    if (directory.parent?.children.get(directory.name) === directory) directory.parent.children.delete(directory.name);
    const left = [directory];
    for (let at = left.pop(); at !== undefined; at = left.pop()) {
      at.dropped = true;
      if (at.sighted !== null) this.#lost.push(at.sighted);
      if (this.#byWatch.delete(at.watch) && !this.#inotify.closed) this.#inotify.remove(at.watch);
      for (const child of at.children.values()) left.push(child);
      at.children.clear();
    }
  }
}

function openBelow(fd: number, path: Buffer): number {
  return openat2(fd, path, { flags: DIRECTORY, resolve: BELOW });
}

/** The next part of a path, whose names stand in reverse, that one call takes. */
function takeStep(names: string[]): Buffer {
  const parts: Buffer[] = [];
  for (let bytes = 0; names.length > 0; ) {
    const part = encodeFileName(names.at(-1) ?? '');
    if (bytes > 0 && bytes + part.length > MAX_STEP_BYTES) break;
    parts.push(part, Buffer.from('/'));
    bytes += part.length + 1;
    names.pop();
  }
  return Buffer.concat(parts);
}

function limitError(name: string, most: number): LinuxError {
  const text = `${JSON.stringify(name)}, below which a watch of ${most} directories has no more; watch less, or not recursively`;
  return new LinuxError('inotify_add_watch', constants.errno.ENOSPC, text);
}
