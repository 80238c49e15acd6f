import type { FastifyInstance } from 'fastify';
import { bodyOf, takeAnyBody } from '../../serve/body-of.ts';
import { queryOf } from '../../serve/query-of.ts';
import { sendBytes } from '../../serve/send-bytes.ts';
import { untilGone } from '../../serve/until-gone.ts';
import { BoxError } from '../box-error.ts';
import type { BoxliteContext } from '../boxlite-context.ts';
import { boxDocs, noBox } from '../docs.ts';
import { receiveFiles } from '../files/receive-files.ts';

interface Route {
  Params: { id: string };
}

const query = { path: 'in the box, from its root on' };

/** PUT and GET /boxes/:id/files, which go as tar, as fast as the other side takes them and of any size. */
export function addFiles(app: FastifyInstance, context: BoxliteContext): void {
  const received = boxDocs('Unpack a tar archive', {
    query,
    answers: { 204: 'all of it is there', 400: 'the archive cannot be unpacked there; nothing of it is', ...noBox },
  });
  const sent = boxDocs('Get a file or directory as a tar archive', {
    query,
    answers: { 200: 'of a file its one entry; of a directory an entry ./ before all others', ...noBox },
  });
  void app.register(async (bodies) => {
    takeAnyBody(bodies);
    const slow = { ...received, config: { slowBody: true } };
    bodies.put<Route>('/boxes/:id/files', slow, async (request, reply) => {
      const path = pathIn(request.url);
      using use = await context.boxes.use(request.params.id);
      await receiveFiles(use.box.sandbox, path, bodyOf(request), untilGone(reply));
      return await reply.code(204).send();
    });
  });

  app.get<Route>('/boxes/:id/files', sent, async ({ params, url }, reply) => {
    const path = pathIn(url);
    using use = await context.boxes.use(params.id);
    const how = { topEntry: true, followTop: true, signal: untilGone(reply) };
    await sendBytes(reply, 'application/x-tar', context, use.box.sandbox.files.archive(path, how));
  });
}

/** A relative one begins at the root, too, as BoxLite has it. Throws invalid_argument. */
function pathIn(url: string): string {
  const path = queryOf(url).get('path') ?? '';
  if (path === '') throw new BoxError('invalid_argument', 'the query must name a path: ?path=/root/file');
  return path.startsWith('/') ? path : `/${path}`;
}
