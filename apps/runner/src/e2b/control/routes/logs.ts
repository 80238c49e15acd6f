import type { FastifyInstance } from 'fastify';
import { ControlError } from '../../../serve/control-error.ts';
import { queryOf, readInteger } from '../../../serve/query-of.ts';
import { docs } from '../../../serve/route-docs.ts';
import { noteChanges } from '../../hosted/note-changes.ts';
import type { LogLine } from '../../hosted/sandbox-log.ts';
import type { E2bContext } from '../control-context.ts';
import { findHosted } from '../find-hosted.ts';

const maxLines = 1000;
const levels = ['debug', 'info', 'warn', 'error'];

interface Route {
  Params: { id: string };
}

/** GET /sandboxes/:id/logs and /v2/sandboxes/:id/logs: the last of what its programs wrote and of what happened to it. */
export function addLogs(app: FastifyInstance, context: E2bContext): void {
  noteChanges(context.runtime, context.hosted, context.closing);
  const linesOf = (id: string): LogLine[] => context.hosted.logOf(findHosted(context, id)).lines();

  const answers = { 200: 'the lines', 404: 'there is no such sandbox' };
  const older = docs('The log of a sandbox', { query: { start: 'Unix milliseconds', limit: '0 to 1000' }, answers });
  app.get<Route>('/sandboxes/:id/logs', older, ({ params, url }, reply) => {
    const query = queryOf(url);
    const start = readInteger('start', query.get('start'), 0, Number.MAX_SAFE_INTEGER) ?? 0;
    const lines = linesOf(params.id).filter(({ at }) => at >= start);
    const views = lines.slice(0, limitOf(query)).map(entryView);
    return reply.send({
      logs: views.map(({ timestamp, message }) => ({ timestamp, line: message })),
      logEntries: views,
    });
  });

  const newer = docs('The log of a sandbox', {
    query: {
      cursor: 'Unix milliseconds where it begins',
      direction: 'forward (default) or backward',
      level: 'at least debug (default), info, warn or error',
      search: 'what a line holds',
      limit: '0 to 1000',
    },
    answers,
  });
  app.get<Route>('/v2/sandboxes/:id/logs', newer, ({ params, url }, reply) => {
    const query = queryOf(url);
    const direction = query.get('direction') ?? 'forward';
    if (direction !== 'forward' && direction !== 'backward')
      throw new ControlError(400, 'direction must be forward or backward');
    const level = levels.indexOf(query.get('level') ?? 'debug');
    if (level === -1) throw new ControlError(400, `level must be one of ${levels.join(', ')}`);
    const search = query.get('search') ?? '';
    const cursor = readInteger('cursor', query.get('cursor'), 0, Number.MAX_SAFE_INTEGER);
    const lines = linesOf(params.id);
    const ordered = direction === 'forward' ? lines : lines.toReversed();
    const found = ordered.filter(
      (line) =>
        (cursor === null || (direction === 'forward' ? line.at >= cursor : line.at <= cursor)) &&
        levels.indexOf(line.level) >= level &&
        line.message.includes(search),
    );
    return reply.send({ logs: found.slice(0, limitOf(query)).map(entryView) });
  });
}

function limitOf(query: URLSearchParams): number {
  return readInteger('limit', query.get('limit'), 0, maxLines) ?? maxLines;
}

function entryView({ at, level, message, fields }: LogLine): {
  timestamp: string;
  level: string;
  message: string;
  fields: LogLine['fields'];
} {
  return { timestamp: new Date(at).toISOString(), level, message, fields };
}
