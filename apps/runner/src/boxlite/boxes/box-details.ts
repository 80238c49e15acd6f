import type { Sandbox } from '@hatchery/runtime';
import { KeptDetails } from '../../hosted/kept-details.ts';

/** What the API knows of a box beside what the runtime does. */
export interface BoxDetails {
  /** null: it was given none. */
  readonly name: string | null;
  /** As it was asked for. */
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds without use until it is stopped; 0: never. */
  readonly autoStop: number;
  /** Seconds after a stop until it is removed; 0: never. */
  readonly autoDelete: number;
  /** A use of one that is stopped starts it. */
  readonly autoResume: boolean;
  /** Whether its servers may be reached from outside without a key. */
  readonly inbound: 'enabled' | 'disabled';
}

const text = { type: 'string' };
const seconds = { type: 'integer', minimum: 0 };

const kept = new KeptDetails<BoxDetails>('boxlite', {
  name: { type: ['string', 'null'] },
  image: text,
  labels: { type: 'object', additionalProperties: text },
  autoStop: seconds,
  autoDelete: seconds,
  autoResume: { type: 'boolean' },
  inbound: { enum: ['enabled', 'disabled'] },
});

/** The metadata of a box's sandbox. */
export function boxMetadata(details: BoxDetails): Record<string, string> {
  return kept.add({}, details);
}

/** null: the sandbox is no box. */
export function boxDetailsOf(sandbox: Pick<Sandbox, 'metadata'>): BoxDetails | null {
  return kept.read(sandbox);
}
