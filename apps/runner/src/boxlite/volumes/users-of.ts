import { realpathSync } from 'node:fs';
import type { Box } from '../boxes/box.ts';
import type { Volume } from './volume.ts';

/** The ids of those boxes that were made with a volume, running or stopped. */
export function usersOf({ directory }: Volume, boxes: readonly Box[]): string[] {
  // The runtime keeps what a source led to when the box was made.
  const source = realpathSync(directory);
  return boxes
    .filter(({ sandbox }) => sandbox.spec.volumes.some((volume) => volume.source === source))
    .map(({ id }) => id);
}
