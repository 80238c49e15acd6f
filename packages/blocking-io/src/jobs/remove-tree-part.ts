import { closeFd, currentDirectory, OpenFlag, openat2, removeTreePart as remove } from '@hatchery/linux';
import type { RemoveTree } from './remove-tree.ts';

/** A second or so on a slow disk. */
const PART_ENTRIES = 20_000;

/**
 * The same as `removeTree` for a tree that somebody may fill as fast as it is emptied: after some thousand entries it stops,
 * so that other jobs come in between. False: there is more. Throws `LinuxError`.
 */
export function removeTreePart({ directory, name }: RemoveTree): boolean {
  const fd = openat2(currentDirectory, directory, { flags: OpenFlag.O_RDONLY | OpenFlag.O_DIRECTORY });
  try {
    return remove(fd, name, PART_ENTRIES).done;
  } finally {
    closeFd(fd);
  }
}
