import type { Ledger } from '../census/found-object.ts';
import type { CensusScope } from '../census/scope.ts';
import type { Logger } from '../types.ts';
import type { RecordReaders } from './debris-look.ts';

/** The runtime, as its collector needs it. */
export interface CollectorHost {
  scope(): Promise<CensusScope>;
  /** Throws unless the instance's lock is still held: otherwise what is found may be another owner's. */
  requireLock(): void;
  readonly ledger: Ledger;
  readonly records: RecordReaders;
  readonly locks: { run<T>(id: string, act: () => Promise<T>): Promise<T> };
  /** Puts network rules back that somebody has taken out. Never rejects; it is told. */
  verifyNetwork(): Promise<void>;
  /**
   * Removes what the kernel and the leases have of network slots that nobody has. Resolves with the names of those that this
   * runtime had and nobody used. Never rejects; it is told.
   */
  sweepNetwork(): Promise<string[]>;
  /** Removes all there is of an id, by the routine of every destroy; called with the id's lock held. */
  teardownDebris(id: string): Promise<void>;
  /** Sandboxes in the table whose destroy or stop has failed, and nobody is at it. */
  unfinished(): Iterable<string>;
  /** Tries that again; takes the id's lock itself. */
  finish(id: string): Promise<void>;
  readonly logger: Logger;
}
