import type { FastifyInstance } from 'fastify';
import { bodyOf } from '../body-of.ts';
import { requireSandbox, type ServeContext } from '../context.ts';
import { type FileRoute, makeOptionsOf, numbersOf, requirePath } from '../file-query.ts';
import { sendBytes } from '../send-bytes.ts';
import { untilGone } from '../until-gone.ts';

/**
 * GET /v1/sandboxes/:id/files/content: the bytes of a file, or a part of them. PUT: makes a file of the body's, or
 * replaces one; what had come when it fails, or the client goes away, stays.
 */
export function addFileContent(app: FastifyInstance, context: ServeContext): void {
  const path = '/v1/sandboxes/:id/files/content';
  app.get<FileRoute>(path, async ({ params, query }, reply) => {
    const { files } = requireSandbox(context, params.id);
    const range = numbersOf(query, ['offset', 'length']);
    const stream = files.readStream(requirePath(query), { ...range, signal: untilGone(reply) });
    await sendBytes(reply, 'application/octet-stream', context, stream);
  });

  app.put<FileRoute>(path, async (request, reply) => {
    const { params, query } = request;
    const { files } = requireSandbox(context, params.id);
    const options = { ...makeOptionsOf(query), append: query['append'] === '1', signal: untilGone(reply) };
    return await files.write(requirePath(query), bodyOf(request), options);
  });
}
