import type { FastifyInstance } from 'fastify';
import type { ExecRequest } from '../../wire/views.ts';
import { requireSandbox, type ServeContext } from '../context.ts';
import { ServeError } from '../error-response.ts';
import { keepFlowing } from '../keep-flowing.ts';
import { execRequestSchema } from '../schemas.ts';

type Params = { Params: { id: string } };

/** GET and POST /v1/sandboxes/:id/executions: those that are known, and a detached one, which needs no client. */
export function addExecutions(app: FastifyInstance, context: ServeContext): void {
  app.get<Params>('/v1/sandboxes/:id/executions', ({ params }) => ({
    executions: context.executions.list(requireSandbox(context, params.id)),
  }));

  const schema = { body: execRequestSchema };
  app.post<Params & { Body: ExecRequest }>(
    '/v1/sandboxes/:id/executions',
    { schema },
    async ({ params, body }, reply) => {
      const { command, options } = body;
      if (options?.stdin === 'pipe')
        throw new ServeError(
          'ERR_REQUEST_INVALID',
          'a detached execution has no standard input; ask for the upgrade at exec',
        );
      const sandbox = requireSandbox(context, params.id);
      const execution = await sandbox.exec(command, options);
      context.executions.add(sandbox, execution, command);
      void keepFlowing(execution);
      return reply.code(201).send({ id: execution.id, pid: execution.pid });
    },
  );
}
