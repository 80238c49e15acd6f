import type { FastifyInstance } from 'fastify';
import { type ServeContext } from '../context.ts';
import { requireExecution } from '../require-execution.ts';
import { signalSchema } from '../schemas.ts';

type Params = { Params: { id: string; execution: string } };

/** POST /v1/sandboxes/:id/executions/:execution/signal: one that has ended is fine. */
export function addExecutionSignal(app: FastifyInstance, context: ServeContext): void {
  app.post<Params & { Body: { signal: NodeJS.Signals } }>(
    '/v1/sandboxes/:id/executions/:execution/signal',
    { schema: { body: signalSchema } },
    async ({ params, body }, reply) => {
      await requireExecution(context, params.id, params.execution).kill(body.signal);
      return reply.code(204).send();
    },
  );
}
