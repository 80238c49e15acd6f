import type { FastifyInstance } from 'fastify';

/** GET /health: 204 as long as requests are answered. */
export function addHealth(app: FastifyInstance): void {
  const schema = {
    summary: 'Whether requests are answered',
    security: [],
    response: { 204: { type: 'null', description: 'they are' } },
  };
  app.get('/health', { schema, config: { open: true } }, (_request, reply) => reply.code(204).send());
}
