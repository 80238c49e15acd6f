import type { FastifyInstance } from 'fastify';

/** GET /health: 204 as long as requests are answered. */
export function addHealth(app: FastifyInstance): void {
  app.get('/health', { config: { open: true } }, (_request, reply) => reply.code(204).send());
}
