import { native } from './native-binding.ts';
import type { OpenHow } from './openat2.ts';

/** Whom a file belongs to, with the ids of this process's user namespace. */
export interface FileOwner {
  /** The user. */
  readonly uid: number;
  /** The group. */
  readonly gid: number;
}

/**
 * `openat2` done as `owner` (setfsuid(2) of this thread, during the call): what O_CREAT makes belongs to him from its
 * first moment on, also on an idmapped mount, where nothing can be made as somebody whom it does not map (EOVERFLOW). The
 * thread keeps its capabilities. `mode` is not left out with O_CREAT; the process's umask is taken from it.
 *
 * Throws `LinuxError` as `openat2` does, and EPERM without CAP_SETUID and CAP_SETGID.
 */
export function openAs(owner: FileOwner, directoryFd: number, path: string | Buffer, how: OpenHow): number {
  const { flags, mode = 0, resolve = 0 } = how;
  return native().openAs(directoryFd, path, flags, mode, resolve, owner.uid, owner.gid);
}

/**
 * Makes a directory that belongs to `owner` (mkdirat(2)); the umask is taken from `mode`. Throws `LinuxError`: EEXIST (a
 * dangling symlink, too), EINVAL for a name that is a path.
 */
export function makeDirectoryAs(owner: FileOwner, directoryFd: number, name: string | Buffer, mode: number): void {
  native().makeDirectoryAs(directoryFd, name, mode, owner.uid, owner.gid);
}

/** Makes a symlink to whatever `target` says, which belongs to `owner` (symlinkat(2)). Throws `LinuxError` like `makeDirectoryAs`. */
export function makeSymlinkAs(
  owner: FileOwner,
  target: string | Buffer,
  directoryFd: number,
  name: string | Buffer,
): void {
  native().makeSymlinkAs(target, directoryFd, name, owner.uid, owner.gid);
}

/**
 * Moves an entry of one open directory into another one, in place of what has that name there (renameat2(2)), as
 * `owner`: to make a name on an idmapped mount is refused to whom that does not map (EOVERFLOW), whoever owns the entry.
 * Throws `LinuxError`: ENOENT, EXDEV, ENOTEMPTY, EISDIR, ENOTDIR, EBUSY (a mount point), EINVAL for a name that is a path.
 */
export function renameAs(
  owner: FileOwner,
  fromFd: number,
  from: string | Buffer,
  toFd: number,
  to: string | Buffer,
): void {
  native().renameAs(fromFd, from, toFd, to, owner.uid, owner.gid);
}

/**
 * Gives the file that `fd` is open on, O_PATH will do, one more name in an open directory (linkat(2)), as `owner`. Throws
 * `LinuxError`: EEXIST, EXDEV (another mount), EPERM (a directory), ENOENT (it has no name any more).
 */
export function linkAs(owner: FileOwner, fd: number, directoryFd: number, name: string | Buffer): void {
  native().linkAs(fd, directoryFd, name, owner.uid, owner.gid);
}
