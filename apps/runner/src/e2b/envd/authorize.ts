import type { FastifyRequest } from 'fastify';
import type { HostedSandbox } from '../hosted/hosted-sandbox.ts';
import { isSameToken } from '../tokens/is-same-token.ts';
import { EnvdError } from './envd-error.ts';
import { hostedOf } from './hosted-of.ts';

/** Those that open a file by a signature too ask for themselves. */
const ownWay = new Set(['GET /health', 'GET /files', 'POST /files']);

/**
 * Refuses what does not carry the token of its sandbox, which says the same whether there was another or none.
 * The route decides, not the address: what no route takes is refused as well.
 */
export async function authorize({ raw, headers, routeOptions, method }: FastifyRequest): Promise<void> {
  if (ownWay.has(`${method === 'HEAD' ? 'GET' : method} ${routeOptions.url}`)) return;
  if (!isToken(headers['x-access-token'], hostedOf(raw))) throw unauthorized();
}

/** Whether a request that carries this may do anything with the sandbox; any may where it asks for no token. */
export function isToken(given: string | string[] | undefined, { envdToken }: HostedSandbox): boolean {
  return envdToken === null || (typeof given === 'string' && isSameToken(given, envdToken));
}

/** In the words that clients know. */
export function unauthorized(): EnvdError {
  return new EnvdError(401, 'unauthorized access, please provide a valid access token or method signing if supported');
}
