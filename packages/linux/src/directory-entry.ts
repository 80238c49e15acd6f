import { native } from './native-binding.ts';

const SECOND_NS = 1_000_000_000n;

/** What statx(2) tells of an entry. */
export interface EntryFacts {
  /** Type and permissions, as `S_IFMT` of `node:fs` takes them apart. */
  readonly mode: number;
  /** Bytes; of a symlink the length of its target. */
  readonly size: number;
  /** Whose it is, in the ids of this process's user namespace. */
  readonly uid: number;
  /** Its group, likewise. */
  readonly gid: number;
  /** Since 1970, in milliseconds, with their fractions. */
  readonly modifiedMs: number;
}

/**
 * What an entry of an open directory is, without opening it or following it (statx(2)); the empty name means the
 * descriptor itself. Throws `LinuxError`: ENOENT, ENOTDIR.
 */
export function statEntry(fd: number, name: string | Buffer): EntryFacts {
  const [mode, size, uid, gid, modifiedMs] = native().statEntry(fd, name);
  return { mode, size, uid, gid, modifiedMs };
}

/** The target of a symlink in an open directory (readlinkat(2)); the empty name means a symlink opened with O_PATH. Throws `LinuxError`. */
export function readLinkEntry(fd: number, name: string | Buffer): Buffer {
  return native().readLinkEntry(fd, name);
}

/**
 * Moves an entry of one open directory into another one, in place of what has that name there (renameat2(2)); with
 * `exchange` both change places. Throws `LinuxError`: ENOENT, EXDEV, ENOTEMPTY, EBUSY (a mount point), EINVAL for a name
 * that is a path.
 */
export function renameEntry(
  fromFd: number,
  from: string | Buffer,
  toFd: number,
  to: string | Buffer,
  options: { readonly exchange?: boolean } = {},
): void {
  const RENAME_EXCHANGE = 2;
  native().renameEntry(fromFd, from, toFd, to, options.exchange === true ? RENAME_EXCHANGE : 0);
}

/**
 * Sets when an entry of an open directory was changed last, a symlink's own time where it is one (utimensat(2)). In
 * nanoseconds since 1970; what the filesystem cannot keep it cuts. Throws `LinuxError`.
 */
export function setModified(fd: number, name: string | Buffer, modifiedNs: bigint): void {
  const nanoseconds = ((modifiedNs % SECOND_NS) + SECOND_NS) % SECOND_NS;
  native().setModified(fd, name, Number((modifiedNs - nanoseconds) / SECOND_NS), Number(nanoseconds));
}
