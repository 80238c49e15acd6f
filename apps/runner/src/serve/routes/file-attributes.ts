import type { FastifyInstance } from 'fastify';
import { requireSandbox, type ServeContext } from '../context.ts';
import { type FileRoute, requirePath } from '../file-query.ts';
import { attributeSchema } from '../schemas.ts';
import { untilGone } from '../until-gone.ts';

interface Change extends FileRoute {
  Body: { name: string; value: string | null };
}

/** GET and PUT /v1/sandboxes/:id/files/attributes: extended attributes `user.*`, their values as base64. */
export function addFileAttributes(app: FastifyInstance, context: ServeContext): void {
  const path = '/v1/sandboxes/:id/files/attributes';
  app.get<FileRoute>(path, async ({ params, query }, reply) => {
    const { files } = requireSandbox(context, params.id);
    const attributes = await files.attributes(requirePath(query), { signal: untilGone(reply) });
    const entries = Object.entries(attributes).map(([name, value]) => [name, Buffer.from(value).toString('base64')]);
    return { attributes: Object.fromEntries(entries) as Record<string, string> };
  });

  app.put<Change>(path, { schema: { body: attributeSchema } }, async ({ params, query, body }, reply) => {
    const { files } = requireSandbox(context, params.id);
    const value = body.value === null ? null : Buffer.from(body.value, 'base64');
    await files.setAttribute(requirePath(query), body.name, value);
    return reply.code(204).send();
  });
}
