import type { FastifyInstance } from 'fastify';
import { queryOf } from '../../serve/query-of.ts';
import { BoxError } from '../box-error.ts';
import { boxView } from '../boxes/box-view.ts';
import type { BoxliteContext } from '../boxlite-context.ts';
import { boxDocs, noBox } from '../docs.ts';
import { readFlag } from '../read-flag.ts';

interface Route {
  Params: { id: string };
}

/** GET, HEAD and DELETE /boxes/:id, by id or name. */
export function addBox(app: FastifyInstance, { boxes }: BoxliteContext): void {
  const shown = boxDocs('Show a box', { answers: { 200: 'what it is and does', ...noBox } });
  app.get<Route>('/boxes/:id', { ...shown, exposeHeadRoute: false }, ({ params }, reply) =>
    reply.send(boxView(boxes.require(params.id))),
  );

  const asked = boxDocs('Whether there is a box', { answers: { 204: 'there is', ...noBox } });
  app.head<Route>('/boxes/:id', asked, ({ params }, reply) => {
    boxes.require(params.id);
    return reply.code(204).send();
  });

  const removed = boxDocs('Remove a box', {
    query: { force: 'true: also one that runs' },
    answers: { 204: 'everything of it is gone', 409: 'it runs', ...noBox },
  });
  app.delete<Route>('/boxes/:id', removed, async ({ params, url }, reply) => {
    const isForced = readFlag('force', queryOf(url).get('force'));
    const { id, sandbox } = boxes.require(params.id);
    if (!isForced && sandbox.state !== 'stopped' && sandbox.state !== 'failed')
      throw new BoxError('invalid_state', `box "${id}" is ${sandbox.state}: stop it first, or remove it with force`);
    await sandbox.destroy();
    return reply.code(204).send();
  });
}
