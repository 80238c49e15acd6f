import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AnsweredRequest, Metrics } from './metrics/metrics.ts';

/** Tells the metrics of each request that an app has answered. */
export function countRequests(
  metrics: Metrics,
  api: AnsweredRequest['api'],
): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  return async ({ method, routeOptions }, { statusCode, elapsedTime }) =>
    metrics.answered({ api, method, route: routeOptions.url, status: statusCode, seconds: elapsedTime / 1000 });
}
