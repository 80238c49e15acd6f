import { LinuxError } from '@hatchery/linux';
import { type ChrootEntry, describeEntry } from './chroot-entry.ts';
import { ChrootPath } from './chroot-path.ts';
import type { HeldRoot } from './held-root.ts';
import { pin } from './walk.ts';

/** What a path is; a symlink at its end is told as one. */
export function stat(root: HeldRoot, { path: text }: { readonly path: string }): ChrootEntry {
  const path = ChrootPath.parse(text);
  using pinned = pin(root, path, 'no-follow');
  return describeEntry(root, pinned.fd, '', path);
}

/** Null where there is nothing. */
export function statOrNull(root: HeldRoot, request: { readonly path: string }): ChrootEntry | null {
  try {
    return stat(root, request);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Also where a part of the path is no directory. */
export function isMissing(error: unknown): boolean {
  return error instanceof LinuxError && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
