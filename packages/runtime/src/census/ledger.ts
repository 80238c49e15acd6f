import type { RuntimeContext } from '../context.ts';
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
