import type { NetworkRules } from '@hatchery/runtime';
import type { FastifyInstance } from 'fastify';
import { requireSandbox, type ServeContext } from '../context.ts';
import { networkRulesSchema, timeoutSchema } from '../schemas.ts';
import { viewOf } from '../view-of.ts';

type Params = { Params: { id: string } };

/**
 * POST /v1/sandboxes/:id/{pause,resume,stop,start}: answers with the sandbox once it is so, and goes on when the client
 * has gone. PUT /v1/sandboxes/:id/timeout: how long it lives from now on. PUT /v1/sandboxes/:id/network: what it may reach
 * from now on.
 */
export function addLifecycle(app: FastifyInstance, context: ServeContext): void {
  for (const change of ['pause', 'resume', 'stop', 'start'] as const) {
    app.post<Params>(`/v1/sandboxes/:id/${change}`, async ({ params }) => {
      const sandbox = requireSandbox(context, params.id);
      await sandbox[change]();
      return viewOf(sandbox);
    });
  }

  const schema = { body: timeoutSchema };
  app.put<Params & { Body: { timeoutMs: number | null } }>(
    '/v1/sandboxes/:id/timeout',
    { schema },
    ({ params, body }) => {
      const sandbox = requireSandbox(context, params.id);
      sandbox.setTimeout(body.timeoutMs);
      return viewOf(sandbox);
    },
  );

  app.put<Params & { Body: NetworkRules }>(
    '/v1/sandboxes/:id/network',
    { schema: { body: networkRulesSchema } },
    async ({ params, body }) => {
      const sandbox = requireSandbox(context, params.id);
      await sandbox.updateNetwork(body);
      return viewOf(sandbox);
    },
  );
}
