import type { Sandbox } from '@hatchery/runtime';
import { compileValidator } from '../../serve/validator.ts';

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

/**
 * Where they are kept: in the sandbox's own metadata, whose record is written with the sandbox and outlives this process.
 * No client may set or see this key.
 */
export const detailsKey = 'hatchery.e2b';

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
const check = compileValidator({ type: 'object', required: Object.keys(properties), properties });

/** The metadata of a sandbox's spec: the user's, and the details. */
export function withDetails(
  metadata: Readonly<Record<string, string>>,
  details: StoredDetails,
): Record<string, string> {
  return { ...metadata, [detailsKey]: JSON.stringify(details) };
}

/** null: it was not made through this API, or what it says cannot be understood. */
export function readDetails({ metadata, spec }: Sandbox): HostedDetails | null {
  const stored = metadata[detailsKey];
  if (stored === undefined) return null;
  try {
    const details: unknown = JSON.parse(stored);
    return check(details) === null ? { ...(details as StoredDetails), envVars: spec.env } : null;
  } catch {
    return null;
  }
}

/** What the user gave. */
export function userMetadata({ metadata }: Sandbox): Record<string, string> {
  const { [detailsKey]: _, ...own } = metadata;
  return own;
}
