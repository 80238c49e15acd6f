import type { FastifyInstance } from 'fastify';
import type { ServeContext } from '../context.ts';

/** POST /v1/gc: removes debris now. */
export function addGc(app: FastifyInstance, { runtime }: ServeContext): void {
  app.post('/v1/gc', () => runtime.gc());
}
