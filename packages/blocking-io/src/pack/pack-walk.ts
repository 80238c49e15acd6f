import { OpenFlag, openat2 } from '@hatchery/linux';
import { nameWindow } from '../chroot/name-window.ts';
import { OpenFd } from '../chroot/open-fd.ts';
import { ArchiveError } from '../tar/archive-error.ts';
import { quoteName } from '../tar/tar-entry.ts';
import { hasCode, STRICT } from '../unpack/strict-open.ts';
import { PackPath } from './pack-path.ts';

const NAMES_AT_ONCE = 1000;
const MAX_PATH_BYTES = 4095;
const HOLD = OpenFlag.O_PATH | OpenFlag.O_NOFOLLOW;
const NAMES = OpenFlag.O_RDONLY | OpenFlag.O_DIRECTORY | OpenFlag.O_NONBLOCK | OpenFlag.O_NOFOLLOW;

/** Something below the directory, held while it is looked at. */
export interface Found {
  readonly path: PackPath;
  /** O_PATH: nothing was opened by that. Null: a mount is in its place. */
  readonly held: OpenFd | null;
}

/** A directory that the walk is in or in a part of. */
interface Level {
  /** Null: the top. */
  readonly path: PackPath | null;
  /** Names that were read and not come to yet, the next one last. */
  waiting: Buffer[];
  /** The name that was come to last. */
  last: Buffer | null;
  /** Whether there may be more than `waiting`. */
  more: boolean;
}

/**
 * Everything below a directory: each directory right before what is in it, as far as the caller goes into it, the names of one
 * by their bytes. Each is reached by a walk from the top that follows no symlink and crosses no mount; what goes meanwhile
 * is left out. One directory is open at a time, and a few pages of names are held.
 */
export class PackWalk {
  readonly #topFd: number;
  readonly #levels: Level[] = [makeLevel(null)];
  /** The deepest directory, when it is open. */
  #open: OpenFd | null = null;

  constructor(topFd: number) {
    this.#topFd = topFd;
  }

  /** The next that is found is in there. */
  goInto(path: PackPath): void {
    this.#levels.push(makeLevel(path));
    this.#leave();
  }

  /** What is found is closed when the next is asked for; null for what has gone. Throws `ArchiveError` and `LinuxError`. */
  *run(): Generator<Found | null> {
    try {
      for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
        const name = this.#nextName(level);
        if (name === null) {
          this.#levels.pop();
          this.#leave();
        } else yield* this.#look(new PackPath(level.path, name));
      }
    } finally {
      this.#leave();
    }
  }

  *#look(path: PackPath): Generator<Found | null> {
    if (path.length > MAX_PATH_BYTES) throw tooLong(path);
    const found = this.#open === null ? 'gone' : openBelow(this.#open.fd, path.name, HOLD);
    if (found === 'gone') {
      yield null;
      return;
    }
    if (found === 'mount') {
      yield { path, held: null };
      return;
    }
    using held = found;
    yield { path, held };
  }

  /** Null: there are no more, or the directory is not there any more. */
  #nextName(level: Level): Buffer | null {
    if (this.#open === null) {
      const opened = openBelow(this.#topFd, level.path?.bytes ?? Buffer.from('.'), NAMES);
      if (opened === 'gone' || opened === 'mount') return null;
      this.#open = opened;
    }
    let name = level.waiting.pop();
    if (name === undefined && level.more) {
      level.waiting = nameWindow.read(this.#open.fd, level.last, NAMES_AT_ONCE).toReversed();
      level.more = level.waiting.length === NAMES_AT_ONCE;
      this.#forgetNames();
      name = level.waiting.pop();
    }
    level.last = name ?? level.last;
    return name ?? null;
  }

  /** Of the upper levels: they are read again when the walk comes back. */
  #forgetNames(): void {
    let held = this.#levels.reduce((sum, { waiting }) => sum + waiting.length, 0);
    for (const level of this.#levels.slice(0, -1)) {
      if (held <= 2 * NAMES_AT_ONCE) return;
      held -= level.waiting.length;
      level.more ||= level.waiting.length > 0;
      level.waiting = [];
    }
  }

  #leave(): void {
    this.#open?.[Symbol.dispose]();
    this.#open = null;
  }
}

function makeLevel(path: PackPath | null): Level {
  return { path, waiting: [], last: null, more: true };
}

function openBelow(fd: number, path: Buffer, flags: number): OpenFd | 'gone' | 'mount' {
  try {
    return new OpenFd(openat2(fd, path, { flags, resolve: STRICT }));
  } catch (error) {
    // Removed, or replaced by what is no directory, between the reading of its name and now.
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return 'gone';
    if (hasCode(error, 'EXDEV')) return 'mount';
    throw error;
  }
}

function tooLong(path: PackPath): ArchiveError {
  const text = `its path is longer than ${MAX_PATH_BYTES} bytes, which nobody could unpack; pack a directory further down`;
  return new ArchiveError({ code: 'ERR_ARCHIVE_REFUSED', text, entry: quoteName(path.bytes), offset: 0 });
}
