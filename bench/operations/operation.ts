import type { Participant } from '../contestants/contestant.ts';
import type { PayloadName } from '../payload.ts';

export type OperationName =
  | 'first-byte'
  | 'pool-first-byte'
  | 'create-to-exit'
  | 'create'
  | 'exec'
  | 'destroy'
  | 'burst'
  | 'pool-burst'
  | 'cycles';
/** `cold`: 60 ms of idleness before each operation, as a person's request meets it; `hot`: back to back. */
export type Temperature = 'hot' | 'cold';

export interface Operation {
  readonly name: OperationName;
  readonly title: string;
  readonly payloads: readonly PayloadName[];
  readonly temperatures: readonly Temperature[];
  /** False: a round is long enough to be its own warm-up, so contestants change after each one. */
  readonly backToBack: boolean;
  /** Off the clock, once for a row. */
  before?(participant: Participant): Promise<void>;
  /** One round: prepares, calls `idle`, does the operation, cleans up; milliseconds of the operation alone. */
  round(participant: Participant, command: readonly string[], idle: () => Promise<void>): Promise<number>;
  after?(participant: Participant): Promise<void>;
}
