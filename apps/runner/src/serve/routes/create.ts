import type { SandboxSpec } from '@hatchery/runtime';
import type { FastifyInstance } from 'fastify';
import type { ServeContext } from '../context.ts';
import { sandboxSpecSchema } from '../schemas.ts';
import { untilGone } from '../until-gone.ts';
import { viewOf } from '../view-of.ts';

/** POST /v1/sandboxes: a new sandbox. A client that goes away before it is made gets none. */
export function addCreate(app: FastifyInstance, { runtime, metrics }: ServeContext): void {
  app.post<{ Body: SandboxSpec }>('/v1/sandboxes', { schema: { body: sandboxSpecSchema } }, async ({ body }, reply) => {
    const sandbox = await metrics.creating(() => runtime.create(body, { signal: untilGone(reply) }));
    return reply.code(201).send(viewOf(sandbox));
  });
}
