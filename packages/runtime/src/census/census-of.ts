import { registeredFds } from '@hatchery/linux';
import type { RuntimeContext } from '../context.ts';
import { readRecord } from '../instance/record.ts';
import { openContexts } from '../open/open-contexts.ts';
import type { Census } from '../types.ts';
import type { KnownDescriptors } from './descriptor-objects.ts';
import { hasSlotIn, ledgerOf } from './ledger.ts';
import { censusScope } from './scope.ts';
import { takeCensus } from './take-census.ts';

/** The census of an open runtime. Rejects with ERR_CENSUS. */
export async function censusOf(context: RuntimeContext): Promise<Census> {
  const { instance, options, workers, collector } = context;
  const { threads, abandoned } = workers.stats();
  return await takeCensus({
    scope: await censusScope({ instance, dataDirectory: options.dataDirectory }),
    ledger: ledgerOf(context),
    checkRecord: (id) => readRecord(instance.directory, id),
    descriptors: () => knownDescriptors(context),
    slots: () => context.slots.links(),
    forgottenSlots: () => context.slots.forgotten(hasSlotIn(context)),
    workers: { threads, abandoned },
    quarantined: [...collector.quarantined.keys()].toSorted(),
  });
}

function knownDescriptors(context: RuntimeContext): KnownDescriptors {
  const others = [...openContexts]
    .filter((other) => other !== context)
    .flatMap((other) => [...claimsOf(other).keys(), ...other.slots.readyNetns()]);
  const isOthers = new Set(others);
  return {
    readyNetns: new Set(context.slots.readyNetns()),
    registered: new Set(registeredFds().filter((fd) => !isOthers.has(fd))),
    claimed: claimsOf(context),
    netnsAreClaimed: [...openContexts].every(({ locks, slots }) => locks.areFree && slots.areSettled),
    rootsAreClaimed: [...openContexts].every(({ locks, reaper }) => locks.areFree && reaper.held === 0),
  };
}

/** What sandboxes hold for as long as they run, or are parked; of one that is just changing it may be closed, and its number another's. */
function claimsOf({ sandboxes, pool, locks }: RuntimeContext): Map<number, string> {
  const claims = new Map<number, string>();
  for (const { id, lifecycle } of sandboxes.values()) {
    if (lifecycle === null || locks.isLocked(id)) continue;
    const { pidfd, rootFd, workFd } = lifecycle.parts;
    for (const fd of [pidfd, rootFd, workFd]) claims.set(fd, id);
  }
  for (const { id, remains, workFd } of pool?.parked() ?? []) {
    if (locks.isLocked(id)) continue;
    // Of one whose removal has failed half-way only what it still has.
    const held = [remains.initPidfd, remains.rootFd, remains.onDead === null ? null : workFd];
    for (const fd of held) if (fd !== null) claims.set(fd, id);
  }
  return claims;
}
