import { closeFd, currentDirectory, OpenFlag, openat2, removeTree as remove } from '@hatchery/linux';

export interface RemoveTree {
  /** Absolute path of the directory that holds the entry. */
  readonly directory: string;
  readonly name: string;
}

/**
 * Removes an entry of a directory with everything in it, following no symlink and entering no mount; fine when there is
 * none. Throws `LinuxError`.
 */
export function removeTree({ directory, name }: RemoveTree): { readonly removed: number } {
  const fd = openat2(currentDirectory, directory, { flags: OpenFlag.O_RDONLY | OpenFlag.O_DIRECTORY });
  try {
    return remove(fd, name);
  } finally {
    closeFd(fd);
  }
}
