import { closeFd, currentDirectory, OpenFlag, openat2, removeTree as remove } from '@hatchery/linux';

/** Which entry of which directory. */
export interface RemoveTree {
  /** Absolute path of the directory that holds the entry. */
  readonly directory: string;
  /** Of the entry: no path. */
  readonly name: string;
}

/**
 * Removes an entry of a directory with everything in it, following no symlink and entering no mount; fine when there is
 * none. Throws `LinuxError`.
 */
export function removeTree({ directory, name }: RemoveTree): {
  /** Entries. */
  readonly removed: number;
} {
  const fd = openat2(currentDirectory, directory, { flags: OpenFlag.O_RDONLY | OpenFlag.O_DIRECTORY });
  try {
    return remove(fd, name);
  } finally {
    closeFd(fd);
  }
}
