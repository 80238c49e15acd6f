import { native } from './native-binding.ts';

/**
 * Removes one entry of a directory, and everything in it where it is a directory itself; fine when there is none. No
 * symlink is followed and no mount entered, and neither the depth nor the width of the tree matters. Blocks its thread:
 * for workers.
 *
 * Throws `LinuxError` naming the entry: EXDEV or EBUSY for a mount, EINVAL for a name that is a path; what was removed
 * until then stays removed.
 */
export function removeTree(
  directoryFd: number,
  name: string | Buffer,
): {
  /** Entries. */
  removed: number;
} {
  const [removed] = native().removeTree(directoryFd, name, Number.MAX_SAFE_INTEGER);
  return { removed };
}

/**
 * The same for a thread that others wait for, too: it stops after `most` entries, and is called again until it is `done`.
 * Each call goes down the tree from its top.
 */
export function removeTreePart(
  directoryFd: number,
  name: string | Buffer,
  most: number,
): {
  /** Entries, of this call. */
  removed: number;
  /** False: there is more. */
  done: boolean;
} {
  const [removed, more] = native().removeTree(directoryFd, name, most);
  return { removed, done: more === 0 };
}
