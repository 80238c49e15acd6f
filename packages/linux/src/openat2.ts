import { constants } from 'node:fs';
import { native } from './native-binding.ts';

// The four that node:fs does not have are the same on x86-64 and arm64.
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const TMPFILE_BIT = 0o20000000;

/** The flags of open(2), with the values of this architecture. */
export const OpenFlag: {
  /** For reading. */
  readonly O_RDONLY: number;
  /** For writing. */
  readonly O_WRONLY: number;
  /** For both. */
  readonly O_RDWR: number;
  /** Made where there is none. */
  readonly O_CREAT: number;
  /** With O_CREAT: EEXIST where there is one. */
  readonly O_EXCL: number;
  /** A terminal does not become this process's. */
  readonly O_NOCTTY: number;
  /** Emptied. */
  readonly O_TRUNC: number;
  /** Each write goes to the end. */
  readonly O_APPEND: number;
  /** Neither the open nor what follows waits. */
  readonly O_NONBLOCK: number;
  /** ENOTDIR unless it is a directory. */
  readonly O_DIRECTORY: number;
  /** ELOOP where the last part is a symlink. */
  readonly O_NOFOLLOW: number;
  /** The time of the last access stays. */
  readonly O_NOATIME: number;
  /** Not handed to a program that is started. */
  readonly O_CLOEXEC: number;
  /** Only the place: nothing is read or written through it, and neither FIFO nor device notices. */
  readonly O_PATH: number;
  /** A file without a name, in this directory. */
  readonly O_TMPFILE: number;
} = {
  O_RDONLY: constants.O_RDONLY,
  O_WRONLY: constants.O_WRONLY,
  O_RDWR: constants.O_RDWR,
  O_CREAT: constants.O_CREAT,
  O_EXCL: constants.O_EXCL,
  O_NOCTTY: constants.O_NOCTTY,
  O_TRUNC: constants.O_TRUNC,
  O_APPEND: constants.O_APPEND,
  O_NONBLOCK: constants.O_NONBLOCK,
  O_DIRECTORY: constants.O_DIRECTORY,
  O_NOFOLLOW: constants.O_NOFOLLOW,
  O_NOATIME: constants.O_NOATIME,
  O_CLOEXEC,
  O_PATH,
  O_TMPFILE: TMPFILE_BIT | constants.O_DIRECTORY,
};

/** How openat2(2) walks a path (RESOLVE_*). */
export const Resolve: {
  /** No mount is entered or left (EXDEV). */
  readonly noXdev: number;
  /** Those of /proc, which lead anywhere, are not followed (ELOOP). */
  readonly noMagicLinks: number;
  /** None is followed (ELOOP). */
  readonly noSymlinks: number;
  /** A path that leads out of the directory is refused (EXDEV). */
  readonly beneath: number;
  /** The directory is the root of the path and of every symlink in it. */
  readonly inRoot: number;
} = { noXdev: 0x01, noMagicLinks: 0x02, noSymlinks: 0x04, beneath: 0x08, inRoot: 0x10 };

/** In place of a directory's descriptor: the working directory (AT_FDCWD). */
export const currentDirectory = -100;

/** How to open, after `struct open_how` of openat2(2). */
export interface OpenHow {
  /** Of {@link OpenFlag}. */
  flags: number;
  /** Of a file that is made, before the umask; must be left out otherwise. Default 0o600. */
  mode?: number;
  /** Of {@link Resolve}. Default 0. */
  resolve?: number;
}

/**
 * Opens a path below a directory (openat2(2)), always close-on-exec. A path that is no UTF-8 is given as its bytes.
 * Retries up to 128 times when a rename somewhere raced the walk. Throws `LinuxError`: ENOENT, ELOOP, EXDEV (the path
 * leaves the directory), EAGAIN (raced 128 times), EINVAL (a NUL byte, unknown flags).
 */
export function openat2(directoryFd: number, path: string | Buffer, how: OpenHow): number {
  const makes = (how.flags & (OpenFlag.O_CREAT | TMPFILE_BIT)) !== 0;
  return native().openat2(directoryFd, path, how.flags, how.mode ?? (makes ? 0o600 : 0), how.resolve ?? 0);
}
