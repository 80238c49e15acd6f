import type { FastifyInstance } from 'fastify';
import type { ServeContext } from '../context.ts';

/** GET /v1/census: kernel objects and files of the instance against its sandboxes. */
export function addCensus(app: FastifyInstance, { runtime }: ServeContext): void {
  app.get('/v1/census', () => runtime.census());
}
