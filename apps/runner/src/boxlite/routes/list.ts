import type { FastifyInstance } from 'fastify';
import { pageOf } from '../../hosted/pages.ts';
import { formatPageToken, parsePageToken } from '../../serve/page-token.ts';
import { queryOf, readInteger } from '../../serve/query-of.ts';
import { BoxError } from '../box-error.ts';
import { boxStatuses, boxView, statusOf } from '../boxes/box-view.ts';
import type { BoxliteContext } from '../boxlite-context.ts';
import { boxDocs } from '../docs.ts';

const maxPageSize = 1000;
const order = 'asc';

/** GET /boxes, by the time of their creates: all of them, or a page at a time. Clients read the first page and no other. */
export function addList(app: FastifyInstance, { boxes }: BoxliteContext): void {
  const told = boxDocs('List boxes', {
    query: {
      pageSize: `1 to ${maxPageSize}; left out: all`,
      pageToken: 'next_page_token of the page before',
      status: boxStatuses.join(', '),
    },
    answers: { 200: 'the page; next_page_token when there is another' },
  });
  app.get('/boxes', told, ({ url }, reply) => {
    const query = queryOf(url);
    const limit = readInteger('pageSize', query.get('pageSize'), 1, maxPageSize) ?? Number.POSITIVE_INFINITY;
    const token = query.get('pageToken') ?? '';
    const after = token === '' ? null : parsePageToken('pageToken', token, order);
    const status = query.get('status');
    if (status !== null && !boxStatuses.some((known) => known === status))
      throw new BoxError('invalid_argument', `status must be one of ${boxStatuses.join(', ')}`);
    const found = boxes.list().filter((box) => status === null || statusOf(box) === status);
    const { items, next } = pageOf(found, { order, limit, after });
    const more = next === null ? {} : { next_page_token: formatPageToken(next, order) };
    return reply.send({ boxes: items.map(boxView), ...more });
  });
}
