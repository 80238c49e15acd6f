import type { FastifyInstance } from 'fastify';
import { pageOf, sortByStart } from '../../../hosted/pages.ts';
import { formatPageToken } from '../../../serve/page-token.ts';
import { docs } from '../../../serve/route-docs.ts';
import { userMetadata } from '../../hosted/hosted-details.ts';
import type { HostedSandbox } from '../../hosted/hosted-sandbox.ts';
import type { E2bContext } from '../control-context.ts';
import { isEnding } from '../find-hosted.ts';
import { type ListQuery, readListQuery } from '../list-query.ts';
import { listedView, stateOf } from '../sandbox-view.ts';

/** GET /v2/sandboxes, a page at a time; GET /sandboxes, all that run. */
export function addList(app: FastifyInstance, context: E2bContext): void {
  const queryOf = (url: string): ListQuery => {
    const query = readListQuery(url);
    // By any of its names.
    return { ...query, template: query.template && (context.templates.find(query.template)?.id ?? query.template) };
  };

  const filters = {
    metadata: 'pairs that a sandbox must have, URL-encoded',
    state: 'running, paused, or both with a comma',
    template: 'name or id',
    startedAfter: 'RFC 3339; the moment itself is within',
  };
  const paged = docs('List sandboxes, a page at a time', {
    query: {
      ...filters,
      order: 'asc or desc (default), by start',
      limit: '1 to 100 (default)',
      nextToken: 'X-Next-Token of the page before',
    },
    answers: { 200: 'the page; X-Next-Token when there is another, X-Total-Running' },
  });
  app.get('/v2/sandboxes', paged, (request, reply) => {
    const query = queryOf(request.url);
    const all = living(context);
    const { items, next } = pageOf(select(all, query), query);
    if (next !== null) void reply.header('X-Next-Token', formatPageToken(next, query.order));
    return reply
      .header('X-Total-Running', all.filter((hosted) => stateOf(hosted) === 'running').length)
      .send(items.map(listedView));
  });

  const all = docs('List all sandboxes that run', { query: filters, answers: { 200: 'newest first' } });
  app.get('/sandboxes', all, (request, reply) => {
    const query = queryOf(request.url);
    const running = living(context).filter((hosted) => stateOf(hosted) === 'running');
    return reply.send(sortByStart(select(running, query), 'desc').map(listedView));
  });
}

function living({ hosted }: E2bContext): HostedSandbox[] {
  return hosted.list().filter((one) => !isEnding(one));
}

function select(
  all: readonly HostedSandbox[],
  { metadata, states, startedAfter, template }: ListQuery,
): HostedSandbox[] {
  return all.filter((hosted) => {
    const { sandbox, details } = hosted;
    if (!states.has(stateOf(hosted))) return false;
    if (startedAfter !== null && sandbox.createdAt < startedAfter) return false;
    if (template !== null && template !== details.templateId) return false;
    const own = metadata.size === 0 ? {} : userMetadata(sandbox);
    return [...metadata].every(([key, value]) => Object.hasOwn(own, key) && own[key] === value);
  });
}
