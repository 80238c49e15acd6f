import { native } from './native-binding.ts';

/**
 * A copy of the mount at a path, from that path down and without what is mounted below it, attached nowhere
 * (open_tree(2), OPEN_TREE_CLONE). The empty path copies `directoryFd` itself; a symlink at the end is not followed. The
 * copy is gone with its descriptor unless it has been attached. Needs CAP_SYS_ADMIN.
 * Throws `LinuxError`: ENOENT, EPERM, EINVAL (a directory of another mount namespace).
 */
export function cloneTree(directoryFd: number, path: string | Buffer): number {
  return native().cloneTree(directoryFd, path);
}
