import type { FastifyInstance } from 'fastify';
import { hostedOf } from './hosted-of.ts';

/** GET /health and /envs. That the sandbox runs was seen to before. */
export function addSandboxRoutes(app: FastifyInstance): void {
  app.get('/health', (_, reply) => reply.code(204).send());
  app.get('/envs', ({ raw }) => hostedOf(raw).details.envVars);
}
