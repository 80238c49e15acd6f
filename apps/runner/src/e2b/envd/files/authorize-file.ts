import type { FastifyRequest } from 'fastify';
import type { HostedSandbox } from '../../hosted/hosted-sandbox.ts';
import { isToken } from '../authorize.ts';
import { EnvdError } from '../envd-error.ts';
import { hostedOf } from '../hosted-of.ts';
import { type FileQuery, fileQueryOf } from './file-query.ts';
import { type FileOperation, isSignature } from './signature.ts';

/**
 * Lets a request pass that has the sandbox's token, or a signature made with it of this very path and operation that has
 * not expired. In the order and in the words that clients know.
 */
export function authorizeFile(operation: FileOperation): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    const hosted = hostedOf(request.raw);
    if (hosted.envdToken === null) return;
    const given = request.headers['x-access-token'];
    if (given === undefined) return requireSignature(fileQueryOf(request), operation, hosted.envdToken);
    if (!isToken(given, hosted)) throw new EnvdError(401, 'access token present in header but does not match');
  };
}

function requireSignature(query: FileQuery, operation: FileOperation, token: string): void {
  const { path = '', username = '', signature, signature_expiration: expiration = null } = query;
  if (signature === undefined) throw new EnvdError(401, 'missing signature query parameter');
  if (!isSignature(signature, { path, operation, username, expiration }, token))
    throw new EnvdError(401, 'invalid signature');
  if (expiration !== null && isOver(expiration)) throw new EnvdError(401, 'signature is already expired');
}

/** What is no number was signed by somebody who has the token, and yet says nothing that could be kept. */
function isOver(expiration: string): boolean {
  return !/^\d{1,16}$/.test(expiration) || Number(expiration) < Math.floor(Date.now() / 1000);
}

/** Whether it fits the token in either way; when it expires is not looked at. */
export function fitsEither({ envdToken }: HostedSandbox, query: FileQuery): boolean {
  const { path = '', username = '', signature, signature_expiration: expiration = null } = query;
  if (envdToken === null || signature === undefined) return false;
  const signed = { path, username, expiration };
  // Both, always: which one fits takes no longer to find out.
  const fits = (['read', 'write'] as const).map((operation) =>
    isSignature(signature, { ...signed, operation }, envdToken),
  );
  return fits.includes(true);
}
