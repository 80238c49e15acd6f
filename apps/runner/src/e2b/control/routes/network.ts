import { HatcheryError } from '@hatchery/runtime';
import type { FastifyInstance } from 'fastify';
import { ControlError } from '../../../serve/control-error.ts';
import type { E2bContext } from '../control-context.ts';
import { findLasting } from '../find-hosted.ts';
import { type NetworkBody, networkProperties, readNetwork } from '../network-request.ts';
import { bodyReader } from '../read-body.ts';

const read = bodyReader<NetworkBody & { allow_internet_access?: boolean | null }>({
  ...networkProperties,
  allow_internet_access: { type: ['boolean', 'null'] },
});

/**
 * PUT /sandboxes/:id/network: where it may go from now on, in place of all that was said before. Answers when it is in force
 * and connections that are no longer allowed are cut; of one that is paused, too.
 */
export function addNetwork(app: FastifyInstance, context: E2bContext): void {
  app.put<{ Params: { id: string } }>('/sandboxes/:id/network', async ({ params, body }, reply) => {
    const { allow_internet_access: allowInternetAccess = null, ...network } = read(body);
    const wish = readNetwork(network, allowInternetAccess);
    const hosted = findLasting(context, params.id);
    try {
      await context.hosted.networks.update(hosted, wish);
    } catch (error) {
      if (!(error instanceof HatcheryError) || error.code !== 'ERR_SANDBOX_STATE') throw error;
      throw new ControlError(409, `Sandbox "${hosted.id}" is ${hosted.sandbox.state}: try again`);
    }
    return reply.code(204).send();
  });
}
