import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { FastifyRequest } from 'fastify';
import { bodyOf } from '../../../serve/body-of.ts';
import { EnvdError } from '../envd-error.ts';

/** The body of an upload as it was before it was compressed. Destroying it throws away what is still to come. Throws EnvdError 400. */
export function uploadBody(request: FastifyRequest): Readable {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity' || encoding === '') return bodyOf(request);
  if (encoding !== 'gzip')
    throw new EnvdError(400, `unsupported Content-Encoding: ${encoding.slice(0, 64)}, supported: gzip`);
  const expanded = createGunzip();
  // Its end is that of the body; whoever reads from it is told why.
  pipeline(bodyOf(request), expanded, () => {});
  return expanded;
}

/** What a body that cannot be read has met, as its sender is told. */
export function bodyRefusal(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!code.startsWith('Z_')) return error;
  return new EnvdError(400, `error decompressing request body: ${(error as Error).message}`);
}
