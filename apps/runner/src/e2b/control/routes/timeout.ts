import type { FastifyInstance } from 'fastify';
import { BodyShape } from '../../../serve/body-shape.ts';
import { ControlError } from '../../../serve/control-error.ts';
import { docs } from '../../../serve/route-docs.ts';
import type { HostedSandbox } from '../../hosted/hosted-sandbox.ts';
import type { E2bContext } from '../control-context.ts';
import { findLasting } from '../find-hosted.ts';
import { extendTimeout, newTimeoutMs } from '../timeouts.ts';

interface Route {
  Params: { id: string };
}

const timeoutBody = new BodyShape<{ timeout: number }>({ timeout: { type: 'integer' } }, ['timeout']);
/** E2B's own bounds of a refresh. */
const refreshBody = new BodyShape<{ duration?: number }>({ duration: { type: 'integer', minimum: 0, maximum: 3600 } });
const defaultRefresh = 15;

/** POST /sandboxes/:id/timeout, from now, shorter or longer; POST /sandboxes/:id/refreshes, longer only. */
export function addTimeout(app: FastifyInstance, context: E2bContext): void {
  const answers = { 204: 'it is so', 404: 'there is no such sandbox', 409: 'it does not run' };
  const set = docs('Set the time that is left, from now', { body: timeoutBody.schema, answers });
  app.post<Route>('/sandboxes/:id/timeout', set, ({ params, body }, reply) => {
    const ms = newTimeoutMs(timeoutBody.read(body).timeout, context.maxTimeoutMs);
    requireRunning(findLasting(context, params.id)).sandbox.setTimeout(ms);
    return reply.code(204).send();
  });

  const extended = docs('Extend the time that is left', { body: refreshBody.schema, answers });
  app.post<Route>('/sandboxes/:id/refreshes', extended, ({ params, body }, reply) => {
    const { duration = defaultRefresh } = refreshBody.read(body);
    extendTimeout(requireRunning(findLasting(context, params.id)), newTimeoutMs(duration, context.maxTimeoutMs));
    return reply.code(204).send();
  });
}

/** The time of one that is paused stands still: a connect tells how much it gets. */
function requireRunning(hosted: HostedSandbox): HostedSandbox {
  if (hosted.sandbox.state === 'running') return hosted;
  throw new ControlError(409, `Sandbox "${hosted.id}" is ${hosted.sandbox.state}: connect to it first`);
}
