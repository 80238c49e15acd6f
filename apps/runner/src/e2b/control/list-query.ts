import { ControlError } from '../../serve/control-error.ts';
import { type PagePlace, parsePageToken } from '../../serve/page-token.ts';
import { queryOf, readInteger } from '../../serve/query-of.ts';

/** What a list is asked for. */
export interface ListQuery {
  readonly metadata: ReadonlyMap<string, string>;
  readonly states: ReadonlySet<'running' | 'paused'>;
  readonly order: 'asc' | 'desc';
  readonly startedAfter: Date | null;
  readonly template: string | null;
  readonly limit: number;
  readonly after: PagePlace | null;
}

const maxLimit = 100;

/** @param url of the request. Throws 400. */
export function readListQuery(url: string): ListQuery {
  const query = queryOf(url);
  const order = query.get('order') ?? 'desc';
  if (order !== 'asc' && order !== 'desc') throw new ControlError(400, 'order must be asc or desc');
  const template = query.get('template') || null;
  if (template?.includes(':') === true) throw new ControlError(400, 'template must be a name or an id, without a tag');
  const token = query.get('nextToken');
  return {
    metadata: readMetadata(query.get('metadata') ?? ''),
    states: readStates(query.getAll('state')),
    order,
    startedAfter: readDate('startedAfter', query.get('startedAfter')),
    template,
    limit: readInteger('limit', query.get('limit'), 1, maxLimit) ?? maxLimit,
    after: token === null || token === '' ? null : parsePageToken('nextToken', token, order),
  };
}

/** Clients encode keys and values, then the pairs, then the whole; the query has taken the last one off. */
function readMetadata(encoded: string): Map<string, string> {
  if (encoded === '') return new Map();
  const pairs = decode(encoded).split('&');
  return new Map(
    pairs.map((pair) => {
      const [key = '', ...value] = pair.split('=');
      return [decode(key), decode(value.join('='))];
    }),
  );
}

/** As `application/x-www-form-urlencoded` has it. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new ControlError(400, 'metadata is not URL-encoded');
  }
}

/** Joined by commas, or one after the other; none: all. */
function readStates(given: readonly string[]): Set<'running' | 'paused'> {
  const states = given.flatMap((text) => text.split(',')).filter((state) => state !== '');
  const known = states.filter((state) => state === 'running' || state === 'paused');
  if (known.length < states.length) throw new ControlError(400, 'state must be running, paused, or both');
  return new Set(known.length === 0 ? ['running', 'paused'] : known);
}

/** RFC 3339. */
function readDate(name: string, given: string | null): Date | null {
  if (given === null || given === '') return null;
  const isDate = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i.test(given);
  const date = new Date(isDate ? given : Number.NaN);
  if (Number.isNaN(date.getTime())) throw new ControlError(400, `${name} must be a date and time as of RFC 3339`);
  return date;
}
