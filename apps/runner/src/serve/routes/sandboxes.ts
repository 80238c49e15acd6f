import type { FastifyInstance } from 'fastify';
import { requireSandbox, type ServeContext } from '../context.ts';
import { viewOf } from '../view-of.ts';

/** GET /v1/sandboxes and GET /v1/sandboxes/:id: what there is. */
export function addSandboxes(app: FastifyInstance, context: ServeContext): void {
  app.get('/v1/sandboxes', () => {
    // By age: the order of an adoption is nobody's.
    const sandboxes = context.runtime.list().sort((one, other) => Number(one.createdAt) - Number(other.createdAt));
    return { sandboxes: sandboxes.map(viewOf) };
  });
  app.get<{ Params: { id: string } }>('/v1/sandboxes/:id', ({ params }) => viewOf(requireSandbox(context, params.id)));
}
