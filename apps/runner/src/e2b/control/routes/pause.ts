import { HatcheryError } from '@hatchery/runtime';
import type { FastifyInstance } from 'fastify';
import { BodyShape } from '../../../serve/body-shape.ts';
import { ControlError } from '../../../serve/control-error.ts';
import { docs } from '../../../serve/route-docs.ts';
import type { HostedSandbox } from '../../hosted/hosted-sandbox.ts';
import type { E2bContext } from '../control-context.ts';
import { findLasting } from '../find-hosted.ts';

const pauseBody = new BodyShape<{ memory?: boolean | null }>({ memory: { type: ['boolean', 'null'] } });

/**
 * POST /sandboxes/:id/pause: frozen with its memory, or stopped with its files alone. Answers when it is so; 409 when it is
 * paused already, or on the way there.
 */
export function addPause(app: FastifyInstance, context: E2bContext): void {
  const told = docs('Pause a sandbox', {
    body: pauseBody.schema,
    answers: { 204: 'it is paused', 404: 'there is no such sandbox', 409: 'it was already' },
  });
  app.post<{ Params: { id: string } }>('/sandboxes/:id/pause', told, async ({ params, body }, reply) => {
    const keepsMemory = pauseBody.read(body).memory !== false;
    const hosted = findLasting(context, params.id);
    if (hosted.sandbox.state !== 'running') throw notRunning(hosted);
    try {
      await (keepsMemory ? hosted.sandbox.pause() : hosted.sandbox.stop());
    } catch (error) {
      // Somebody else was first.
      if (error instanceof HatcheryError && error.code === 'ERR_SANDBOX_STATE') throw notRunning(hosted);
      throw error;
    }
    return reply.code(204).send();
  });
}

function notRunning({ id, sandbox }: HostedSandbox): ControlError {
  const isPaused = ['pausing', 'paused', 'stopping', 'stopped'].includes(sandbox.state);
  return new ControlError(409, `Sandbox "${id}" is ${isPaused ? 'already paused' : sandbox.state}`);
}
