import type { FastifyInstance } from 'fastify';
import { bodyOf } from '../body-of.ts';
import { requireSandbox, type ServeContext } from '../context.ts';
import { type FileRoute, requirePath } from '../file-query.ts';
import { sendBytes } from '../send-bytes.ts';
import { untilGone } from '../until-gone.ts';

/**
 * GET /v1/sandboxes/:id/files/archive: a file or directory with everything in it, as a tar stream. PUT: unpacks the body
 * into a directory, all of it or nothing.
 */
export function addFileArchive(app: FastifyInstance, context: ServeContext): void {
  const path = '/v1/sandboxes/:id/files/archive';
  app.get<FileRoute>(path, async ({ params, query }, reply) => {
    const { files } = requireSandbox(context, params.id);
    const stream = files.archive(requirePath(query), { signal: untilGone(reply) });
    await sendBytes(reply, 'application/x-tar', context, stream);
  });

  app.put<FileRoute>(path, async (request, reply) => {
    const { params, query } = request;
    const { files } = requireSandbox(context, params.id);
    const { user } = query;
    const keepOwners = query['keepOwners'] === '1';
    const options = { ...(user === undefined ? {} : { user }), keepOwners, signal: untilGone(reply) };
    return await files.extract(requirePath(query), bodyOf(request), options);
  });
}
