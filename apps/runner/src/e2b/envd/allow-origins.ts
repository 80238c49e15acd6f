import type { FastifyReply, FastifyRequest } from 'fastify';

const methods = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

/** Lets pages of any origin ask and read: no cookie opens anything here, the token does. A preflight ends with this. */
export async function allowOrigins({ method, headers }: FastifyRequest, reply: FastifyReply): Promise<void> {
  reply.header('access-control-allow-origin', '*').header('access-control-expose-headers', '*');
  if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return;
  reply.header('access-control-allow-methods', methods);
  // By name: `*` would leave Authorization out.
  reply.header('access-control-allow-headers', headers['access-control-request-headers'] ?? '*');
  reply.header('access-control-max-age', '7200').header('vary', 'access-control-request-headers');
  await reply.code(204).send();
}
