import { closeSync, openSync } from 'node:fs';
import { syncFileSystem } from '@hatchery/linux';

/** Writes all that a filesystem has not written yet: file by file would take as long, and a tree has thousands. */
export function syncTree(path: string): void {
  const fd = openSync(path, 'r');
  try {
    syncFileSystem(fd);
  } finally {
    closeSync(fd);
  }
}
