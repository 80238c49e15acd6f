import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

/**
 * A system call that failed. `code` is the errno's name (`ENOENT`), `errno` its positive number, `syscall` the call
 * that failed and `detail` its arguments as text. `cause` is the error this was made from, where there was one.
 */
export class LinuxError extends Error {
  /** The name of this class. */
  override readonly name = 'LinuxError';
  /** The errno's name, such as `ENOENT`. */
  readonly code: string;
  /** The errno, positive. */
  readonly errno: number;
  /** The call that failed. */
  readonly syscall: string;
  /** Its arguments, as text. */
  readonly detail: string;

  constructor(syscall: string, errno: number, detail: string, options?: ErrorOptions) {
    const [code, description] = describeErrno(errno);
    super(`[${code}] ${syscall}(${detail}): ${description}`, options);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
    this.detail = detail;
  }
}

// Kept, because Node makes a copy of the map at each call, and a connection that ends is an everyday error here.
let systemErrors: ReadonlyMap<number, readonly [string, string]> | undefined;

/** Node's own names come first, so that a code here reads as the same code in an error of node:fs. */
export function describeErrno(errno: number): readonly [code: string, description: string] {
  systemErrors ??= getSystemErrorMap();
  const known = systemErrors.get(-errno);
  if (known !== undefined) return known;
  const name = Object.entries(constants.errno).find(([, number]) => number === errno)?.[0];
  return [name ?? `E${errno}`, `error ${errno} of errno(3)`];
}
