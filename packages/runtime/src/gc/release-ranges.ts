import { unlinkSync } from 'node:fs';
import { isOutOfPlace, type Ledger } from '../census/found-object.ts';
import { rangeObjects } from '../census/range-objects.ts';
import type { CensusScope } from '../census/scope.ts';

/** Leases of the instance that its pool does not hold. */
export interface UnusedRanges {
  readonly released: string[];
  readonly kept: string[];
}

/**
 * Gives leases back that nobody holds. A lease does not tell who uses its ids: while there is debris that could, all are
 * kept.
 */
export async function releaseRanges(
  scope: CensusScope,
  ledger: Ledger,
  { isAnyDebrisLeft }: { isAnyDebrisLeft: boolean },
): Promise<UnusedRanges> {
  const released: string[] = [];
  const kept: string[] = [];
  for (const range of await rangeObjects(scope)) {
    // In one turn with the removal: the pool may have taken this very range since.
    if (!isOutOfPlace(range, ledger) || !range.isThere()) continue;
    (isAnyDebrisLeft ? kept : released).push(range.what);
    if (!isAnyDebrisLeft) unlinkSync(range.what);
  }
  return { released, kept };
}
