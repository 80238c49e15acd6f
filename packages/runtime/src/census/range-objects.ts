import { readlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { FoundObject } from './found-object.ts';
import { isGone, linkIfThere, listIfThere } from './if-there.ts';
import type { CensusScope } from './scope.ts';

/** Leased ranges of ids whose link names a directory of this instance; the name of the sandbox in it may be an earlier one's. */
export async function rangeObjects({ rangesDirectory, instanceDirectory }: CensusScope): Promise<FoundObject[]> {
  const objects: FoundObject[] = [];
  for (const entry of (await listIfThere(rangesDirectory)) ?? []) {
    // Whatever else lies here names no owner.
    if (!entry.isSymbolicLink()) continue;
    const path = join(rangesDirectory, entry.name);
    const target = await linkIfThere(path);
    if (target === null || dirname(dirname(target)) !== instanceDirectory) continue;
    const isThere = (): boolean => pointsTo(path, target);
    objects.push({ kind: 'uidRange', what: path, sandboxId: basename(target), need: 'range', isThere });
  }
  return objects;
}

function pointsTo(path: string, target: string): boolean {
  try {
    return readlinkSync(path) === target;
  } catch (error) {
    return !isGone(error);
  }
}
