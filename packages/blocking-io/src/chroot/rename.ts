import { renameAs } from '@hatchery/linux';
import { type ChrootEntry, describeEntry } from './chroot-entry.ts';
import { busyError } from './chroot-error.ts';
import { ChrootPath } from './chroot-path.ts';
import type { HeldRoot } from './held-root.ts';
import { pinDirectory } from './walk.ts';

export interface RenameRequest {
  readonly from: string;
  readonly to: string;
}

/** Moves an entry, in place of what is there. Both directories are held, and their entries named without a path. */
export function rename(root: HeldRoot, request: RenameRequest): ChrootEntry {
  const from = ChrootPath.parse(request.from);
  const to = ChrootPath.parse(request.to);
  const [fromName, toName] = [from.entryName, to.entryName];
  using fromParent = pinDirectory(root, from.parent);
  using toParent = pinDirectory(root, to.parent);
  try {
    // On an idmapped mount a name, too, is made by somebody whom it maps.
    renameAs(root.owner, fromParent.fd, fromName, toParent.fd, toName);
  } catch (error) {
    // EXDEV is told as it is: two filesystems are no reason to wait.
    throw busyError(error, from.shown, ['EBUSY']);
  }
  return describeEntry(root, toParent.fd, toName, to);
}
