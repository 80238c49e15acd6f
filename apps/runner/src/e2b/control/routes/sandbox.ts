import type { FastifyInstance } from 'fastify';
import { docs } from '../../../serve/route-docs.ts';
import type { E2bContext } from '../control-context.ts';
import { findHosted, isEnding, notFound } from '../find-hosted.ts';
import { detailView } from '../sandbox-view.ts';

interface Route {
  Params: { id: string };
}

/** GET and DELETE /sandboxes/:id. */
export function addSandbox(app: FastifyInstance, context: E2bContext): void {
  const shown = docs('Show a sandbox', { answers: { 200: 'what it is and does', 404: 'there is no such sandbox' } });
  app.get<Route>('/sandboxes/:id', shown, ({ params }, reply) => {
    const hosted = findHosted(context, params.id);
    if (isEnding(hosted)) throw notFound(params.id);
    return reply.send(detailView(hosted, context.hosted.networks.of(hosted), context.domain()));
  });

  // Answers when everything of it is gone; so does a second one meanwhile.
  const killed = docs('Kill a sandbox', {
    answers: { 204: 'everything of it is gone', 404: 'there is no such sandbox' },
  });
  app.delete<Route>('/sandboxes/:id', killed, async ({ params }, reply) => {
    await findHosted(context, params.id).sandbox.destroy();
    return reply.code(204).send();
  });
}
