import { LinuxError } from '@hatchery/linux';
import { type ChrootEntry, describeEntry } from './chroot-entry.ts';
import { ChrootPath } from './chroot-path.ts';
import { detailsOf } from './entry-details.ts';
import type { HeldRoot } from './held-root.ts';
import { pin } from './walk.ts';

export interface StatRequest {
  readonly path: string;
  /** How the names of the attributes begin that are to be told; null: no details. */
  readonly details: string | null;
}

/** What a path is; a symlink at its end is told as one. */
export function stat(root: HeldRoot, { path: text, details }: StatRequest): ChrootEntry {
  const path = ChrootPath.parse(text);
  using pinned = pin(root, path, 'no-follow');
  const entry = describeEntry(root, pinned.fd, '', path);
  return details === null ? entry : { ...entry, details: detailsOf(root, entry, details) };
}

/** Null where there is nothing. */
export function statOrNull(root: HeldRoot, { path }: { readonly path: string }): ChrootEntry | null {
  try {
    return stat(root, { path, details: null });
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Also where a part of the path is no directory. */
export function isMissing(error: unknown): boolean {
  return error instanceof LinuxError && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
