import { constants } from 'node:fs';
import { currentDirectory, OpenFlag, openat2, Resolve, statEntry } from '@hatchery/linux';
import { busyError, ChrootError } from './chroot-error.ts';
import type { ChrootPath } from './chroot-path.ts';
import type { HeldRoot } from './held-root.ts';
import { refuseKernelFile } from './kernel-files.ts';
import { OpenFd } from './open-fd.ts';

/** Whatever is swapped meanwhile, `..` and absolute links stay inside, and the links of /proc are none. */
export const IN_ROOT: number = Resolve.inRoot | Resolve.noMagicLinks;

/**
 * Holds on to what a path leads to, without opening it: nothing waits on a FIFO, wakes a device or breaks a lease.
 * Throws `LinuxError`: ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG.
 */
export function pin(root: HeldRoot, path: ChrootPath, follow: 'follow' | 'no-follow'): OpenFd {
  const flags = OpenFlag.O_PATH | (follow === 'follow' ? 0 : OpenFlag.O_NOFOLLOW);
  return new OpenFd(openat2(root.fd, path.bytes, { flags, resolve: IN_ROOT }));
}

/** Holds on to a directory in which something is to be made, moved or removed. */
export function pinDirectory(root: HeldRoot, path: ChrootPath): OpenFd {
  const flags = OpenFlag.O_PATH | OpenFlag.O_DIRECTORY;
  return openChecked(root, path, flags);
}

/** Opens a directory for its names. */
export function openDirectory(root: HeldRoot, path: ChrootPath): OpenFd {
  const flags = OpenFlag.O_RDONLY | OpenFlag.O_DIRECTORY | OpenFlag.O_NONBLOCK;
  return openChecked(root, path, flags);
}

/**
 * Opens the content of a regular file: first held, then looked at, then opened as the very thing that was looked at.
 * Throws `ChrootError` ERR_NOT_A_FILE and ERR_FILE_BUSY, and `LinuxError`.
 */
export function openContent(root: HeldRoot, path: ChrootPath, flags: number): number {
  using pinned = pin(root, path, 'follow');
  refuseOther(pinned.fd, path);
  refuseKernelFile(pinned.fd, path);
  try {
    const how = { flags: flags | OpenFlag.O_NONBLOCK | OpenFlag.O_NOCTTY };
    return openat2(currentDirectory, `/proc/self/fd/${pinned.fd}`, how);
  } catch (error) {
    throw busyError(error, path.shown, ['EAGAIN', 'ETXTBSY']);
  }
}

/** Throws `ChrootError` ERR_NOT_A_FILE for the kernel's own files, and `LinuxError`. */
export function openChecked(root: HeldRoot, path: ChrootPath, flags: number): OpenFd {
  const opened = new OpenFd(openat2(root.fd, path.bytes, { flags, resolve: IN_ROOT }));
  try {
    refuseKernelFile(opened.fd, path);
    return opened;
  } catch (error) {
    opened[Symbol.dispose]();
    throw error;
  }
}

export function refuseOther(fd: number, path: ChrootPath): void {
  const type = statEntry(fd, '').mode & constants.S_IFMT;
  if (type === constants.S_IFREG) return;
  const text = `it is ${KINDS[type] ?? 'something else'}; only a regular file has content to read or write here`;
  throw new ChrootError('ERR_NOT_A_FILE', path.shown, text);
}

const KINDS: Readonly<Record<number, string>> = {
  [constants.S_IFDIR]: 'a directory',
  [constants.S_IFLNK]: 'a symlink',
  [constants.S_IFIFO]: 'a FIFO',
  [constants.S_IFSOCK]: 'a socket',
  [constants.S_IFCHR]: 'a device',
  [constants.S_IFBLK]: 'a device',
};
