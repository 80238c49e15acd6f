import { join } from 'node:path';
import { hasNothing, type Ledger } from '../census/found-object.ts';
import { listIfThere } from '../census/if-there.ts';
import type { CensusScope } from '../census/scope.ts';

/** The one leaf that the runtime makes beside its sandboxes. */
const zygoteLeaf = '@zygote';

/** Every name under which something is there, in the run directory, on the disk or in a hierarchy, without a sandbox in the table. */
export async function findDebris(scope: CensusScope, ledger: Ledger): Promise<string[]> {
  const names = new Set<string>();
  for (const parent of [join(scope.instanceDirectory, 'sandboxes'), scope.disksDirectory])
    for (const { name } of (await listIfThere(parent)) ?? []) names.add(name);
  for (const base of scope.cgroupBases)
    for (const entry of (await listIfThere(base)) ?? []) if (entry.isDirectory()) names.add(entry.name);
  names.delete(zygoteLeaf);
  return [...names].filter((name) => isDebris(name, ledger)).toSorted();
}

/** Of one that is being made, changed or removed the verdict waits for the next run. */
export function isDebris(name: string, ledger: Ledger): boolean {
  return hasNothing(name, ledger) && !ledger.isBusy(name);
}
