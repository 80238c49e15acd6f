import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import type { SandboxFiles } from '@hatchery/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { untilGone } from '../../../serve/until-gone.ts';
import { EnvdError } from '../envd-error.ts';
import { resolvePath } from '../filesystem/resolve-path.ts';
import { hostedOf } from '../hosted-of.ts';
import { userOf } from '../request-user.ts';
import { fileRefusal } from './file-refusal.ts';
import { findFile } from './find-file.ts';
import type { StoredFile } from './store-file.ts';
import { beginTransfer } from './transfers.ts';

export interface Composition {
  readonly source_paths: readonly string[];
  readonly destination: string;
  readonly username?: string;
}

export const compositionSchema: object = {
  type: 'object',
  required: ['source_paths', 'destination'],
  properties: {
    source_paths: { type: 'array', minItems: 1, maxItems: 10_000, items: { type: 'string', minLength: 1 } },
    destination: { type: 'string', minLength: 1 },
    username: { type: 'string', minLength: 1 },
  },
};

/**
 * POST /files/compose: makes one file of several, in their order, and removes those. It takes its place when it is whole;
 * until then, and where it fails, everything stays as it was.
 */
export async function composeFiles(
  request: FastifyRequest<{ Body: Composition }>,
  reply: FastifyReply,
): Promise<StoredFile> {
  const hosted = hostedOf(request.raw);
  const { files } = hosted.sandbox;
  const { source_paths: sources, destination, username } = request.body;
  const user = username ?? userOf(request.headers.authorization, hosted);
  const signal = untilGone(reply);
  let path = destination;
  try {
    path = await resolvePath(hosted, destination, user);
    await beginTransfer(hosted.sandbox, reply, signal);
    const found: string[] = [];
    for (const source of sources)
      found.push(await findSource(files, await resolvePath(hosted, source, user), path, signal));
    const unfinished = `${path}.${randomBytes(8).toString('hex')}.tmp`;
    await files.write(unfinished, Readable.from(contentsOf(files, found, signal), { objectMode: false }), {
      user,
      removeUnfinished: true,
      signal,
    });
    await files.rename(unfinished, path).catch(async (error: unknown) => {
      await files.remove(unfinished);
      throw error;
    });
    // From here on a client that has gone takes nothing back.
    for (const source of new Set(found)) await files.remove(source);
    return { name: posix.basename(path), path, type: 'file' };
  } catch (error) {
    throw fileRefusal(error, { sandboxId: hosted.id, path, user, signal });
  }
}

async function findSource(
  files: SandboxFiles,
  source: string,
  destination: string,
  signal: AbortSignal,
): Promise<string> {
  if (source === destination) throw new EnvdError(400, `source path '${source}' cannot be the same as destination`);
  await findFile(files, source, signal);
  return source;
}

async function* contentsOf(
  files: SandboxFiles,
  sources: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  for (const source of sources) yield* files.readStream(source, { signal }) as AsyncIterable<Buffer>;
}
