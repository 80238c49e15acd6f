import { constants } from 'node:fs';
import { native } from './native-binding.ts';

// The four that node:fs does not have are the same on x86-64 and arm64.
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const TMPFILE_BIT = 0o20000000;

/** The flags of open(2), with the values of this architecture. */
export const OpenFlag: {
  readonly O_RDONLY: number;
  readonly O_WRONLY: number;
  readonly O_RDWR: number;
  readonly O_CREAT: number;
  readonly O_EXCL: number;
  readonly O_NOCTTY: number;
  readonly O_TRUNC: number;
  readonly O_APPEND: number;
  readonly O_NONBLOCK: number;
  readonly O_DIRECTORY: number;
  readonly O_NOFOLLOW: number;
  readonly O_NOATIME: number;
  readonly O_CLOEXEC: number;
  readonly O_PATH: number;
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
  readonly noXdev: number;
  readonly noMagicLinks: number;
  readonly noSymlinks: number;
  readonly beneath: number;
  readonly inRoot: number;
} = { noXdev: 0x01, noMagicLinks: 0x02, noSymlinks: 0x04, beneath: 0x08, inRoot: 0x10 };

/** In place of a directory's descriptor: the working directory (AT_FDCWD). */
export const currentDirectory = -100;

export interface OpenHow {
  flags: number;
  /** Of a file that is made, before the umask; must be left out otherwise. Default 0o600. */
  mode?: number;
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
