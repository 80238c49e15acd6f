import type { Readable } from 'node:stream';
import { AbortError } from '@hatchery/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { untilGone } from '../../../serve/until-gone.ts';
import { EnvdError } from '../envd-error.ts';
import { resolvePath } from '../filesystem/resolve-path.ts';
import { hostedOf } from '../hosted-of.ts';
import { fileQueryOf, fileUserOf } from './file-query.ts';
import { fileRefusal } from './file-refusal.ts';
import { multipartFiles } from './multipart-files.ts';
import { type StoredFile, storeFile, type Upload } from './store-file.ts';
import { beginTransfer } from './transfers.ts';
import { bodyRefusal, uploadBody } from './upload-body.ts';
import { metadataIn } from './upload-metadata.ts';

/**
 * POST /files: a file as it is (`application/octet-stream`, its path in the query), or the files of a form, whose paths are
 * their names unless the query has one. What was stored before one fails stays, and the error names it.
 */
export async function writeFiles(request: FastifyRequest, reply: FastifyReply): Promise<StoredFile[]> {
  const hosted = hostedOf(request.raw);
  const user = fileUserOf(request);
  const { path } = fileQueryOf(request);
  const type = request.headers['content-type'] ?? '';
  const upload = { hosted, user, metadata: metadataIn(request.headers), signal: untilGone(reply) };
  await beginTransfer(hosted.sandbox, reply, upload.signal);
  if (isType(type, 'application/octet-stream')) return [await storeWhole(upload, path, uploadBody(request))];
  if (isType(type, 'multipart/form-data')) return await storeForm(upload, path, type, uploadBody(request));
  const expected = 'expected multipart/form-data or application/octet-stream';
  throw new EnvdError(400, `unsupported content type: ${type.slice(0, 200)}, ${expected}`);
}

function isType(header: string, type: string): boolean {
  return header.split(';')[0]?.trim().toLowerCase() === type;
}

async function storeWhole(upload: Upload, path: string | undefined, body: Readable): Promise<StoredFile> {
  try {
    if (path === undefined) throw new EnvdError(400, 'path query parameter is required for raw body upload');
    return await store(upload, await resolve(upload, path), body);
  } finally {
    body.destroy();
  }
}

async function storeForm(
  upload: Upload,
  path: string | undefined,
  contentType: string,
  body: Readable,
): Promise<StoredFile[]> {
  const stored: StoredFile[] = [];
  try {
    for await (const { filename, content } of multipartFiles(body, contentType)) {
      const wanted = path ?? filename;
      if (wanted === null) throw new EnvdError(400, 'a file without a name: give it one, or a path in the query');
      const resolved = await resolve(upload, wanted);
      requireNew(stored, resolved);
      stored.push(await store(upload, resolved, content));
    }
    return stored;
  } catch (error) {
    if (upload.signal.aborted) throw new AbortError('an upload', upload.signal);
    throw withStored(bodyRefusal(error), stored);
  } finally {
    body.destroy();
  }
}

async function resolve({ hosted, user, signal }: Upload, path: string): Promise<string> {
  try {
    return await resolvePath(hosted, path, user);
  } catch (error) {
    throw fileRefusal(error, { sandboxId: hosted.id, path, user, signal });
  }
}

async function store(upload: Upload, path: string, content: Readable): Promise<StoredFile> {
  const { hosted, user } = upload;
  try {
    return await storeFile(upload, path, content);
  } catch (error) {
    throw fileRefusal(bodyRefusal(error), { sandboxId: hosted.id, path, user, signal: upload.signal });
  }
}

function requireNew(stored: readonly StoredFile[], path: string): void {
  if (!stored.some((one) => one.path === path)) return;
  const text = `you cannot upload multiple files to the same path '${path}' in one upload request`;
  throw new EnvdError(400, `${text}, only the first specified file was uploaded`);
}

/** Only what is told to the client is changed; a fault of ours stays one. */
function withStored(error: unknown, stored: readonly StoredFile[]): unknown {
  if (!(error instanceof EnvdError) || stored.length === 0) return error;
  const named = stored.slice(0, 20).map(({ path }) => path);
  const more = stored.length > named.length ? ` and ${stored.length - named.length} more` : '';
  return new EnvdError(error.status, `${error.message}; stored before it: ${named.join(', ')}${more}`, error.details);
}
