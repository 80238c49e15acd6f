import type { FastifyInstance } from 'fastify';
import { ControlError } from '../../../serve/control-error.ts';
import { docs } from '../../../serve/route-docs.ts';
import { untilGone } from '../../../serve/until-gone.ts';
import type { E2bContext } from '../control-context.ts';
import { newSandboxBody, readNewSandbox } from '../new-sandbox.ts';
import { sandboxView } from '../sandbox-view.ts';
import { specOf } from '../spec-of.ts';

/** POST /sandboxes, and /v2/sandboxes with other defaults. A client that goes away before it is made gets none. */
export function addCreate(app: FastifyInstance, context: E2bContext): void {
  const told = docs('Make a sandbox', {
    body: newSandboxBody.schema,
    answers: {
      201: 'it runs',
      404: 'there is no such template',
      501: 'something was asked for that hatchery does not have',
      503: 'the machine has no room for it',
    },
  });
  for (const [path, version] of [
    ['/sandboxes', 1],
    ['/v2/sandboxes', 2],
  ] as const) {
    app.post(path, told, async ({ body }, reply) => {
      const request = readNewSandbox(body, version, context.maxTimeoutMs);
      const template = context.templates.find(request.template);
      if (template === undefined) throw new ControlError(404, `template '${request.template}' not found`);
      const spec = specOf(request, template);
      const { hosted } = await context.metrics.creating(async () => {
        const made = await context.hosted.create(spec, { signal: untilGone(reply) });
        return { hosted: made, createdFrom: made.sandbox.createdFrom };
      });
      return reply.code(201).send(sandboxView(hosted, context.domain()));
    });
  }
}
