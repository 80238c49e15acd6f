import { removeTreePart } from '@hatchery/linux';
import { busyError } from './chroot-error.ts';
import { ChrootPath } from './chroot-path.ts';
import type { HeldRoot } from './held-root.ts';
import { isMissing } from './stat.ts';
import { pinDirectory } from './walk.ts';

/** Some 20 ms on a disk: others wait for this thread, too. */
const PART_ENTRIES = 2000;

/**
 * Removes a part of an entry with everything in it, by descriptors: no symlink is followed and no mount entered. False:
 * there is more.
 */
export function removePart(root: HeldRoot, request: { readonly path: string }): boolean {
  const path = ChrootPath.parse(request.path);
  const name = path.entryName;
  try {
    using parent = pinDirectory(root, path.parent);
    return removeTreePart(parent.fd, name, PART_ENTRIES).done;
  } catch (error) {
    if (isMissing(error)) return true;
    throw busyError(error, path.shown, ['EBUSY', 'EXDEV']);
  }
}
