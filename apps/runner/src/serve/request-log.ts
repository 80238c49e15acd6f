import type { Logger } from '@hatchery/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** One line a request: the route as it is declared, never what was asked, which may hold secrets. */
export function requestLog(logger: Logger): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  return async ({ method, routeOptions, params }, { statusCode, elapsedTime }) => {
    const { id } = (params ?? {}) as { id?: string };
    logger.debug(
      { method, route: routeOptions.url, sandboxId: id, status: statusCode, ms: Math.round(elapsedTime) },
      'request',
    );
  };
}
