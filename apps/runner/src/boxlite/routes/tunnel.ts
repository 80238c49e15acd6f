import type { TLSSocket } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { queryOf } from '../../serve/query-of.ts';
import { BoxError } from '../box-error.ts';
import type { BoxliteContext } from '../boxlite-context.ts';
import { boxDocs, noBox } from '../docs.ts';

interface Route {
  Params: { id: string };
}

/** POST /boxes/:id/network/tunnel: a URI that lets one connection in to a port of the box, within a minute and without a key. */
export function addTunnel(app: FastifyInstance, { boxes, tickets }: BoxliteContext): void {
  const told = boxDocs('A tunnel to a port of a box', {
    query: { port: '1 to 65535' },
    answers: {
      200: 'CONNECT to its authority as it stands, once, within a minute',
      409: 'the box is stopped',
      ...noBox,
    },
  });
  app.post<Route>('/boxes/:id/network/tunnel', told, async ({ params, url, raw, headers }, reply) => {
    const port = portIn(url);
    using use = await boxes.use(params.id);
    const token = tickets.issue({ box: use.box, port });
    const scheme = (raw.socket as Partial<TLSSocket>).encrypted === true ? 'https' : 'http';
    // A client comes back the way it came. It sends the authority, whole, and nothing else of the URI.
    const host = String(headers[':authority'] ?? headers.host);
    return await reply.send({ uri: `${scheme}://${token}@${host}` });
  });
}

/** Throws invalid_argument. */
function portIn(url: string): number {
  const given = queryOf(url).get('port') ?? '';
  if (/^[1-9]\d{0,4}$/.test(given) && Number(given) <= 65_535) return Number(given);
  throw new BoxError('invalid_argument', 'the query must name a port from 1 to 65535: ?port=8080');
}
