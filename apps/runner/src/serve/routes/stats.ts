import type { FastifyInstance } from 'fastify';
import { requireSandbox, type ServeContext } from '../context.ts';

/** GET /v1/sandboxes/:id/stats: what it uses now; a figure that this host does not count is not there. */
export function addStats(app: FastifyInstance, context: ServeContext): void {
  app.get<{ Params: { id: string } }>('/v1/sandboxes/:id/stats', ({ params }) =>
    requireSandbox(context, params.id).stats(),
  );
}
