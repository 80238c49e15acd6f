import type { FastifyInstance } from 'fastify';
import { requireSandbox, type ServeContext } from '../context.ts';

/** DELETE /v1/sandboxes/:id: answers when everything of it is gone. */
export function addDestroy(app: FastifyInstance, context: ServeContext): void {
  app.delete<{ Params: { id: string } }>('/v1/sandboxes/:id', async ({ params }, reply) => {
    await requireSandbox(context, params.id).destroy();
    return reply.code(204).send();
  });
}
