import { native } from './native-binding.ts';

/**
 * Detaches the mount at a path from the tree (umount2(2), MNT_DETACH), not following a symlink there; the filesystem is
 * gone with its last user. Throws `LinuxError`: EINVAL (no mount), ENOENT, EPERM.
 */
export function unmountDetached(path: string | Buffer): void {
  native().unmountDetached(path);
}

/** Writes out the whole filesystem that an open file is on (syncfs(2)). Blocks. Throws `LinuxError`: EIO, ENOSPC, EBADF. */
export function syncFileSystem(fd: number): void {
  native().syncFileSystem(fd);
}
