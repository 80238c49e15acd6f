import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';

export interface TreeEntry {
  readonly path: string;
  readonly stats: Stats;
  /** A file's content, a link's target, '' otherwise. */
  readonly content: string;
}

/** Everything below a directory, links not followed. */
export function readTree(root: string, path = ''): TreeEntry[] {
  return readdirSync(join(root, path)).flatMap((name) => {
    const entry = join(path, name);
    const stats = lstatSync(join(root, entry));
    if (stats.isSymbolicLink()) return [{ path: entry, stats, content: readlinkSync(join(root, entry)) }];
    if (!stats.isDirectory()) return [{ path: entry, stats, content: readFileSync(join(root, entry), 'latin1') }];
    return [{ path: entry, stats, content: '' }, ...readTree(root, entry)];
  });
}
