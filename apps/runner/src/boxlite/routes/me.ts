import type { FastifyInstance } from 'fastify';
import { keyNameOf } from '../../serve/require-key.ts';
import type { BoxliteContext } from '../boxlite-context.ts';
import { boxDocs } from '../docs.ts';

/** What every key may do: there is one kind of them. */
const scopes = [
  'box:read',
  'box:write',
  'box:exec',
  'box:delete',
  'volume:read',
  'volume:write',
  'volume:delete',
  'me:read',
];

/** GET /me: whose key it is. */
export function addMe(app: FastifyInstance, { keys }: BoxliteContext): void {
  const told = boxDocs('Whose key this is', { answers: { 200: 'its name, and what it may do' } });
  app.get('/me', told, ({ raw }, reply) => {
    const name = keyNameOf(keys, raw);
    return reply.send({
      sub: name,
      principal_type: 'service_account',
      display_name: name,
      path_prefix: null,
      scopes,
      expires_at: null,
    });
  });
}
