import { splitAtNul } from './list-names.ts';
import { native } from './native-binding.ts';

// Any descriptor will do, one that was opened with O_PATH too.

/** The names of a file's extended attributes (listxattr(2)). Throws `LinuxError`: ENOTSUP. */
export function listAttributes(fd: number): Buffer[] {
  return splitAtNul(native().listAttributes(fd));
}

/** The value of an extended attribute (getxattr(2)). Throws `LinuxError`: ENODATA (no such attribute), ENOTSUP. */
export function getAttribute(fd: number, name: string | Buffer): Buffer {
  return native().getAttribute(fd, name);
}

/** Sets an extended attribute (setxattr(2)). Throws `LinuxError`: ENOTSUP, EPERM (`user.` on what is no file or directory), ENOSPC, ERANGE. */
export function setAttribute(fd: number, name: string | Buffer, value: Uint8Array): void {
  native().setAttribute(fd, name, value);
}

/** Removes an extended attribute (removexattr(2)). Throws `LinuxError`: ENODATA (no such attribute). */
export function removeAttribute(fd: number, name: string | Buffer): void {
  native().removeAttribute(fd, name);
}
