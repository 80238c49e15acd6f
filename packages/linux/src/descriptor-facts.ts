import { native } from './native-binding.ts';

/** How many bytes a read would return now (FIONREAD, ioctl(2)). Throws `LinuxError`: EBADF, ENOTTY. */
export function bytesReadable(fd: number): number {
  return native().bytesReadable(fd);
}

/** The magic number of the filesystem that holds the file (f_type of fstatfs(2)), e.g. 0x63677270 for cgroup v2. */
export function filesystemType(fd: number): number {
  return native().filesystemType(fd);
}

/** Changes owner and group of an open file, pipe or socket (fchown(2)); -1 leaves one as it is. Throws `LinuxError`. */
export function changeOwner(fd: number, uid: number, gid: number): void {
  native().changeOwner(fd, uid, gid);
}
