import type { RuntimeContext } from '../context.ts';
import type { HasSlot } from '../network/slots-in-use.ts';
import type { LiveSandbox } from '../sandbox/sandbox.ts';
import type { Belongings, Ledger } from './found-object.ts';

/** A parked sandbox has all that one has that runs. */
const parked: Belongings = { processes: true, directory: true, disk: false };

/** What the table of a runtime and its pool say, whenever they are asked. */
export function ledgerOf({ sandboxes, pool, locks, ranges }: RuntimeContext): Ledger {
  const parkedIds = (): string[] => (pool === null ? [] : [...pool.parked()].map(({ id }) => id));
  const belongings = (id: string): Belongings | null => {
    const sandbox = sandboxes.get(id);
    if (sandbox === undefined) return parkedIds().includes(id) ? parked : null;
    return belongingsOf(sandbox);
  };
  return {
    ids: () => [...sandboxes.keys(), ...parkedIds()],
    belongings,
    isBusy: (id) => locks.isLocked(id),
    holdsRange: (path) => ranges.held().includes(path),
  };
}

function belongingsOf({ lifecycle, record, isEmpty }: LiveSandbox): Belongings {
  return { processes: lifecycle !== null, directory: !isEmpty, disk: record.root !== null };
}

/** What the table and the pool say of a slot, whenever they are asked. */
export function hasSlotIn({ sandboxes, pool, locks }: RuntimeContext): HasSlot {
  return (id, place) => {
    // It is being made, changed or removed, and its slot with it.
    if (locks.isLocked(id)) return true;
    const lifecycle = sandboxes.get(id)?.lifecycle ?? null;
    if (lifecycle !== null) return lifecycle.parts.record.slot?.id === place.id;
    const made = pool === null ? undefined : [...pool.parked()].find((parked) => parked.id === id);
    // Of one whose removal has failed half-way it is released.
    return made !== undefined && made.remains.onDead !== null && made.record.slot?.id === place.id;
  };
}
