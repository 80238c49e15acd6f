import type { FastifyRequest } from 'fastify';
import type { EnvdContext } from './envd-context.ts';
import { EnvdError } from './envd-error.ts';
import { hostedOf } from './hosted-of.ts';

/** Before anything is asked of a sandbox it runs: one that is paused is resumed if it was made so, else it counts as gone. */
export function wakeFirst({ hosted, logger }: EnvdContext): (request: FastifyRequest) => Promise<void> {
  return async ({ raw }) => {
    const wanted = hostedOf(raw);
    if (wanted.sandbox.state === 'running') return;
    try {
      await hosted.wake(wanted);
    } catch (error) {
      logger.debug({ err: error, sandboxId: wanted.id }, 'a request came for a sandbox that does not run');
      throw notRunning(wanted.id);
    }
  };
}

/** By its status clients tell a sandbox that has ended, or is paused, from one that runs. */
export function notRunning(sandboxId: string): EnvdError {
  return new EnvdError(502, 'The sandbox was not found', { sandboxId });
}
