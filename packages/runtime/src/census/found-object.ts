import type { CensusKind } from '../types.ts';

/**
 * What its owner must have for an object to be in its place. `runtime`: it is the runtime's own. `nobody`: it is out of
 * place whoever it belongs to. `range`: the runtime's pool must hold it. Otherwise what the sandbox of its id must have.
 */
export type Need = 'runtime' | 'nobody' | 'range' | keyof Belongings;

/** A kernel object or a file of ours. */
export interface FoundObject {
  readonly kind: CensusKind;
  /** A path, a pid, a number: enough to find it. */
  readonly what: string;
  /** Whose it is by its name or place; null: no sandbox's. */
  readonly sandboxId: string | null;
  readonly need: Need;
  /** Whether it is there at this very moment: it may have gone in its regular way since it was found. */
  readonly isThere: () => boolean;
}

/** What a sandbox in the table has now. */
export interface Belongings {
  /** An init, and with it cgroups, namespaces, a root that is mounted, a socket, descriptors. */
  readonly processes: boolean;
  /** A directory with a record in the run directory. */
  readonly directory: boolean;
  /** A root on disk. */
  readonly disk: boolean;
}

/** The runtime's table, asked when something has been found, not before. */
export interface Ledger {
  /** Those in the table. */
  ids(): Iterable<string>;
  /** null: no sandbox of that id is in the table. */
  belongings(id: string): Belongings | null;
  /** Its lock is held: it is being made, changed or removed, and what it has changes with it. */
  isBusy(id: string): boolean;
  /** A lease that is a sandbox's, or that is kept for the next one. */
  holdsRange(path: string): boolean;
}

/** Nobody has anything of that name: it is not in the table, or only an entry that tells why its create failed. */
export function hasNothing(id: string, ledger: Ledger): boolean {
  const belongings = ledger.belongings(id);
  return belongings === null || !(belongings.processes || belongings.directory || belongings.disk);
}

/** Asked at this very moment, and only once an object has been found: its owner may be gone, or have come, since. */
export function isOutOfPlace({ sandboxId, need, what }: FoundObject, ledger: Ledger): boolean {
  if (need === 'runtime') return false;
  if (need === 'range') return !ledger.holdsRange(what);
  if (sandboxId === null) return true;
  if (ledger.isBusy(sandboxId)) return false;
  return need === 'nobody' || ledger.belongings(sandboxId)?.[need] !== true;
}
