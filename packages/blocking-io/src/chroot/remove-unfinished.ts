import { LinuxError, OpenFlag, openat2, Resolve, removeTreePart } from '@hatchery/linux';
import type { ChrootPath } from './chroot-path.ts';
import { isSame } from './entry-details.ts';
import type { HeldRoot } from './held-root.ts';
import { OpenFd } from './open-fd.ts';
import { pinDirectory } from './walk.ts';

/**
 * Takes a file's name away again if it still is that file's: somebody may have put something else there meanwhile. What
 * fails is left as it is; the reason for the removal says more.
 */
export function removeUnfinished(root: HeldRoot, fd: number, path: ChrootPath): void {
  try {
    using parent = pinDirectory(root, path.parent);
    const flags = OpenFlag.O_PATH | OpenFlag.O_NOFOLLOW;
    using there = new OpenFd(openat2(parent.fd, path.entryName, { flags, resolve: Resolve.beneath }));
    if (isSame(there.fd, fd)) removeTreePart(parent.fd, path.entryName, 1);
  } catch (error) {
    if (!(error instanceof LinuxError)) throw error;
  }
}
