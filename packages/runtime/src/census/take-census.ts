import { inSection } from '../loop-delay/section.ts';
import type { SlotInUse } from '../network/slots-in-use.ts';
import type { Census, CensusKind, CensusLeak } from '../types.ts';
import { cgroupObjects } from './cgroup-objects.ts';
import { descriptorObjects, findDescriptors, type KnownDescriptors } from './descriptor-objects.ts';
import { type CheckRecord, directoryObjects, missingRecords } from './directory-objects.ts';
import { findCgroups } from './find-cgroups.ts';
import { type FoundObject, isOutOfPlace, type Ledger } from './found-object.ts';
import { unreadable } from './if-there.ts';
import { mountObjects } from './mount-objects.ts';
import { namespaceObjects } from './namespace-objects.ts';
import { rangeObjects } from './range-objects.ts';
import type { CensusScope } from './scope.ts';

/** What one instance has, and what it should have. */
export interface CensusInput {
  readonly scope: CensusScope;
  readonly ledger: Ledger;
  readonly checkRecord: CheckRecord;
  /** Asked at the verdict. */
  readonly descriptors: () => KnownDescriptors;
  /** Host ends of network slots in the kernel, and the names of those that no slot accounts for. */
  readonly slots: () => Promise<{ there: string[]; strays: string[] }>;
  /** Slots that the runtime has and nobody uses, whether or not their interface is there. Asked at the verdict. */
  readonly forgottenSlots: () => readonly SlotInUse[];
  /** Threads of the runtime's pool; `abandoned` ones hang in a system call and were replaced. */
  readonly workers: { readonly threads: number; readonly abandoned: number };
  readonly quarantined: readonly string[];
}

/**
 * Counts the kernel objects and files of one instance, from what the kernel and the directories say, and compares them
 * with the table. Each look is asynchronous; what seems out of place is looked at once more at the very moment of the
 * verdict, so that sandboxes that come and go meanwhile are no leaks. Rejects with ERR_CENSUS when something cannot be
 * read. docs/census.md defines each kind.
 */
export async function takeCensus(input: CensusInput): Promise<Census> {
  const { scope, ledger } = input;
  const cgroups = await findCgroups(scope.cgroupBases);
  const found = [
    ...cgroupObjects(cgroups),
    ...(await namespaceObjects(cgroups)),
    ...(await mountObjects(scope)),
    ...(await directoryObjects(scope, input.checkRecord)),
    ...(await rangeObjects(scope)),
    ...(await linkObjects(input)),
  ];
  const descriptors = await findDescriptors();
  // Without a pause: nobody comes or goes on this thread between a look and its verdict.
  return inSection('census', () => {
    const objects = [...found, ...descriptorObjects(descriptors, scope, input.descriptors())];
    const suspects = [...objects, ...missingRecords(scope, ledger), ...input.forgottenSlots().map(slotObject)];
    const leaks = suspects.filter((object) => isOutOfPlace(object, ledger) && object.isThere()).map(leakOf);
    return {
      counts: countKinds(objects, input),
      leaks: [...leaks, ...abandonedWorkers(input)],
      quarantined: [...input.quarantined],
    };
  });
}

/** Asked before and after by whoever knows the slots, so there is no second look. */
async function linkObjects({ slots }: CensusInput): Promise<FoundObject[]> {
  const { there, strays } = await slots().catch((error: unknown) => {
    throw unreadable('list the interfaces of network slots', error);
  });
  return there.map((what) => {
    const need = strays.includes(what) ? 'nobody' : 'runtime';
    return { kind: 'veth', what, sandboxId: null, need, isThere: () => true };
  });
}

function slotObject({ place, sandboxId }: SlotInUse): FoundObject {
  return { kind: 'veth', what: place.interfaceName, sandboxId, need: 'nobody', isThere: () => true };
}

function leakOf({ kind, what, sandboxId }: FoundObject): CensusLeak {
  return { kind, what, sandboxId };
}

function abandonedWorkers({ workers: { abandoned } }: CensusInput): CensusLeak[] {
  const what = `${abandoned} threads that hang in a system call`;
  return abandoned === 0 ? [] : [{ kind: 'worker', what, sandboxId: null }];
}

function countKinds(objects: readonly FoundObject[], { workers }: CensusInput): Record<CensusKind, number> {
  const counts: Record<CensusKind, number> = {
    process: 0,
    cgroup: 0,
    mount: 0,
    netns: 0,
    veth: 0,
    socket: 0,
    directory: 0,
    fd: 0,
    record: 0,
    worker: workers.threads + workers.abandoned,
    uidRange: 0,
  };
  for (const { kind } of objects) counts[kind]++;
  return counts;
}
