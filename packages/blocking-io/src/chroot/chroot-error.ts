import { LinuxError } from '@hatchery/linux';

/**
 * The closed list of what a chroot refuses by itself; a call that failed is told as the `LinuxError` it is.
 *
 * - `ERR_FILE_ARGUMENT`: an option that cannot be, or an attribute that is not `user.`.
 * - `ERR_FILE_NAME`: a path that holds a NUL or names no entry: empty, the root itself, ending in `..`.
 * - `ERR_NOT_A_FILE`: content asked of what is no regular file; anything asked of the kernel's own filesystems (`/proc`).
 * - `ERR_FILE_TOO_LARGE`: more bytes than `maxBytes`.
 * - `ERR_FILE_BUSY`: leased by somebody, a program that runs, or a mount point.
 * - `ERR_FILE_INCOMPLETE`: the writer took fewer bytes than it was given.
 */
export type ChrootErrorCode =
  | 'ERR_FILE_ARGUMENT'
  | 'ERR_FILE_NAME'
  | 'ERR_NOT_A_FILE'
  | 'ERR_FILE_TOO_LARGE'
  | 'ERR_FILE_BUSY'
  | 'ERR_FILE_INCOMPLETE';

/** What a chroot refused, at once and without waiting. The message begins with the code. */
export class ChrootError extends Error {
  /** The name of this class. */
  override readonly name = 'ChrootError';
  /** Which of the closed list it is. */
  readonly code: ChrootErrorCode;
  /** Inside the root, as it was asked for. */
  readonly path: string;

  /** @param text what was tried, what happened, what to do */
  constructor(code: ChrootErrorCode, path: string, text: string, options?: ErrorOptions) {
    super(`[${code}] ${JSON.stringify(path)}: ${text}`, options);
    this.code = code;
    this.path = path;
  }
}

const BUSY = {
  // Only where a file that is held is opened again: nothing can race that.
  EAGAIN: 'somebody holds a lease on it (fcntl(2), F_SETLEASE), and its end is not waited for',
  EBUSY: 'it is a mount point, or holds one; unmount that first',
  EXDEV: 'a mount is in the way; unmount that first',
  ETXTBSY: 'it is a program that runs; end that first, or remove the file and write it anew',
} as const;

/** `ERR_FILE_BUSY` where the call failed with one of these codes; else the error itself. */
export function busyError(error: unknown, path: string, codes: readonly (keyof typeof BUSY)[]): unknown {
  const code = codes.find((code) => error instanceof LinuxError && error.code === code);
  return code === undefined ? error : new ChrootError('ERR_FILE_BUSY', path, BUSY[code], { cause: error });
}
