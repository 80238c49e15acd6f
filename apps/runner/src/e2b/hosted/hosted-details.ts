import type { Sandbox } from '@hatchery/runtime';
import { KeptDetails } from '../../hosted/kept-details.ts';

/** Where a sandbox may go, as a client said it. */
export interface NetworkWish {
  /** IP addresses and CIDRs; they win over what is denied. */
  readonly allowOut: readonly string[];
  readonly denyOut: readonly string[];
  /** false: everything is denied; null: nothing was said. */
  readonly allowInternetAccess: boolean | null;
}

/** What E2B knows of a sandbox beside what the runtime does. */
export interface HostedDetails {
  readonly templateId: string;
  /** The name of the template by which it was asked for; null: it was asked for by its id. */
  readonly alias: string | null;
  /** Environment of every execution: the `env` of its spec. */
  readonly envVars: Readonly<Record<string, string>>;
  /** envd takes no request without its token. */
  readonly secure: boolean;
  /** At its timeout it is paused, not destroyed. */
  readonly autoPause: boolean;
  /** false: paused at its timeout, it keeps its files only. */
  readonly autoPauseMemory: boolean;
  /** A request to it resumes it. */
  readonly autoResume: boolean;
  /** false: its user ports ask for the traffic token. */
  readonly allowPublicTraffic: boolean;
  /** The Host that servers inside see; `${PORT}` stands for the port. null: what the client sent. */
  readonly maskRequestHost: string | null;
  /** Ports whose servers inside speak TLS. */
  readonly httpsPorts: readonly number[];
  readonly defaultUser: string;
  /** At its create; what is in force the runtime knows. */
  readonly network: NetworkWish;
}

/** What is stored; the environment is in the spec already. */
type StoredDetails = Omit<HostedDetails, 'envVars'>;

const text = { type: 'string' };
const texts = { type: 'array', items: text };
const flag = { type: 'boolean' };
const properties: Readonly<Record<keyof StoredDetails, object>> = {
  templateId: text,
  alias: { type: ['string', 'null'] },
  secure: flag,
  autoPause: flag,
  autoPauseMemory: flag,
  autoResume: flag,
  allowPublicTraffic: flag,
  maskRequestHost: { type: ['string', 'null'] },
  httpsPorts: { type: 'array', items: { type: 'integer' } },
  defaultUser: text,
  network: {
    type: 'object',
    required: ['allowOut', 'denyOut', 'allowInternetAccess'],
    properties: { allowOut: texts, denyOut: texts, allowInternetAccess: { type: ['boolean', 'null'] } },
  },
};
const kept = new KeptDetails<StoredDetails>('e2b', properties);

/** Where they are kept: no client may set or see this key of a sandbox's metadata. */
export const detailsKey: string = kept.key;

/** The metadata of a sandbox's spec: the user's, and the details. */
export function withDetails(
  metadata: Readonly<Record<string, string>>,
  details: StoredDetails,
): Record<string, string> {
  return kept.add(metadata, details);
}

/** null: it was not made through this API, or what it says cannot be understood. */
export function readDetails(sandbox: Sandbox): HostedDetails | null {
  const details = kept.read(sandbox);
  return details === null ? null : { ...details, envVars: sandbox.spec.env };
}

/** What the user gave. */
export function userMetadata(sandbox: Sandbox): Record<string, string> {
  return kept.withoutThem(sandbox);
}
