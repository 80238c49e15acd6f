import type { HostedSandbox } from '../hosted/hosted-sandbox.ts';
import { isSameToken } from '../tokens/is-same-token.ts';
import type { Request } from './exchange.ts';
import { Refusal } from './refusal.ts';

const header = 'e2b-traffic-access-token';

/** Throws a Refusal unless the sandbox is open to everybody or the request has its token. */
export function checkTraffic({ headers }: Request, { id: sandboxId, trafficToken }: HostedSandbox): void {
  if (trafficToken === null) return;
  const given = headers[header];
  const secured = 'Sandbox is secured with traffic access token.';
  if (given === undefined) throw new Refusal(403, `${secured} Token header '${header}' is missing`, { sandboxId });
  if (typeof given !== 'string' || !isSameToken(given, trafficToken))
    throw new Refusal(403, `${secured} Provided traffic access token is invalid`, { sandboxId });
}
