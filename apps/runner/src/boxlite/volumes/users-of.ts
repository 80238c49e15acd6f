import { realpathSync } from 'node:fs';
import type { Box } from '../boxes/box.ts';
import type { Volume } from './volume.ts';

/** The ids of those boxes that were made with a volume. */
export function usersOf({ directory }: Volume, boxes: readonly Box[]): string[] {
  const sources = [directory, leadsTo(directory)];
  return boxes
    .filter(({ sandbox }) => sandbox.spec.volumes.some(({ source }) => sources.includes(source)))
    .map(({ id }) => id);
}

/** As the runtime keeps it of a box that was made with it. */
function leadsTo(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // It is gone, or leads nowhere: no box can be made with it any more.
    return path;
  }
}
