import type { FileOwner } from '@hatchery/linux';
import { type ChrootEntry, describeEntry } from './chroot-entry.ts';
import { ChrootPath } from './chroot-path.ts';
import type { HeldRoot } from './held-root.ts';
import { makeDirectories } from './make-directories.ts';
import { pinDirectory } from './walk.ts';

export interface MakeDirectoryRequest {
  readonly path: string;
  readonly mode: number;
  readonly owner: FileOwner | null;
}

/** Makes a directory and what is missing above it; one that is there stays as it is. */
export function makeDirectory(root: HeldRoot, request: MakeDirectoryRequest): ChrootEntry {
  const path = ChrootPath.parse(request.path);
  makeDirectories(root, path, request.owner ?? root.owner, request.mode);
  using made = pinDirectory(root, path);
  return describeEntry(root, made.fd, '', path);
}
