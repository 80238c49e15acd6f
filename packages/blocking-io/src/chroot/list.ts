import type { ChrootEntry } from './chroot-entry.ts';
import { ChrootPath } from './chroot-path.ts';
import { detailsOf } from './entry-details.ts';
import type { HeldRoot } from './held-root.ts';
import { TreeWalk } from './tree-walk.ts';

export interface ListRequest {
  readonly path: string;
  /** 1: the entries of the directory itself. */
  readonly depth: number;
  /** Path of the last entry that was seen, as it was told; null from the start. */
  readonly after: string | null;
  readonly limit: number;
  /** How the names of the attributes begin that are to be told; null: no details. */
  readonly details: string | null;
}

/** One page of what is in a directory: parents before their entries, the entries of one directory by the bytes of their names. */
export function list(root: HeldRoot, { path, depth, after, limit, details }: ListRequest): ChrootEntry[] {
  using walk = new TreeWalk(root, ChrootPath.parse(path), { depth, limit });
  if (after !== null) walk.skipTo(ChrootPath.parse(after));
  const entries: ChrootEntry[] = [];
  while (entries.length < limit) {
    const entry = walk.next();
    if (entry === null) break;
    entries.push(details === null ? entry : { ...entry, details: detailsOf(root, entry, details) });
  }
  return entries;
}
