import { closeFd, currentDirectory, OpenFlag, openat2, syncFileSystem as sync } from '@hatchery/linux';

/** Writes out the whole filesystem that a file or directory is on. Throws `LinuxError`. */
export function syncFileSystem({ path }: { readonly path: string }): void {
  // Neither a FIFO nor a device is worth a wait.
  const flags = OpenFlag.O_RDONLY | OpenFlag.O_NONBLOCK | OpenFlag.O_NOCTTY;
  const fd = openat2(currentDirectory, path, { flags });
  try {
    sync(fd);
  } finally {
    closeFd(fd);
  }
}
