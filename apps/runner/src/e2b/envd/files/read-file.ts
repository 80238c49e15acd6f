import type { FastifyReply, FastifyRequest } from 'fastify';
import { untilGone } from '../../../serve/until-gone.ts';
import { resolvePath } from '../filesystem/resolve-path.ts';
import { hostedOf } from '../hosted-of.ts';
import { fileAnswer } from './file-answer.ts';
import { fileQueryOf, fileUserOf } from './file-query.ts';
import { fileRefusal } from './file-refusal.ts';
import { findFile } from './find-file.ts';
import { beginTransfer } from './transfers.ts';

/** GET /files?path=…: the bytes of a file, a symlink followed. */
export async function readFile(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const hosted = hostedOf(request.raw);
  const user = fileUserOf(request);
  const { files } = hosted.sandbox;
  const signal = untilGone(reply);
  let path = fileQueryOf(request).path ?? '';
  try {
    path = await resolvePath(hosted, path, user);
    const file = await findFile(files, path, signal);
    const { status, headers, body } = await fileAnswer({
      files,
      file,
      headers: request.headers,
      headersOnly: request.method === 'HEAD',
      beginTransfer: () => beginTransfer(hosted.sandbox, reply, signal),
      signal,
    });
    return await reply
      .code(status)
      .headers(headers)
      .send(body ?? undefined);
  } catch (error) {
    throw fileRefusal(error, { sandboxId: hosted.id, path, user, signal });
  }
}
