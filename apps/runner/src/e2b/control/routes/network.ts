import { HatcheryError } from '@hatchery/runtime';
import type { FastifyInstance } from 'fastify';
import { BodyShape } from '../../../serve/body-shape.ts';
import { ControlError } from '../../../serve/control-error.ts';
import { docs } from '../../../serve/route-docs.ts';
import type { E2bContext } from '../control-context.ts';
import { findLasting } from '../find-hosted.ts';
import { type NetworkBody, networkProperties, readNetwork } from '../network-request.ts';

const networkBody = new BodyShape<NetworkBody & { allow_internet_access?: boolean | null }>({
  ...networkProperties,
  allow_internet_access: { type: ['boolean', 'null'] },
});

/**
 * PUT /sandboxes/:id/network: where it may go from now on, in place of all that was said before. Answers when it is in force
 * and connections that are no longer allowed are cut; of one that is paused, too.
 */
export function addNetwork(app: FastifyInstance, context: E2bContext): void {
  const told = docs('Replace the rules of the network', {
    body: networkBody.schema,
    answers: {
      204: 'they are in force',
      404: 'there is no such sandbox',
      409: 'it changes its state',
      501: 'rules by domain',
    },
  });
  app.put<{ Params: { id: string } }>('/sandboxes/:id/network', told, async ({ params, body }, reply) => {
    const { allow_internet_access: allowInternetAccess = null, ...network } = networkBody.read(body);
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
