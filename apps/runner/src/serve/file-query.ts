import type { Query } from '../wire/query.ts';
import { ServeError } from './error-response.ts';

/** A route on the files of a sandbox, whose arguments are in the query. */
export interface FileRoute {
  Params: { id: string };
  Querystring: Query;
}

/** Throws ERR_REQUEST_INVALID. */
export function requirePath(query: Query): string {
  if (query['path'] === undefined) throw new ServeError('ERR_REQUEST_INVALID', 'the query: a path is needed');
  return query['path'];
}

/** The numbers of a query that are there. Throws ERR_REQUEST_INVALID. */
export function numbersOf<Key extends string>(query: Query, keys: readonly Key[]): Partial<Record<Key, number>> {
  const found = keys.flatMap((key) => {
    const text = query[key];
    if (text === undefined) return [];
    if (!/^\d{1,16}$/.test(text))
      throw new ServeError('ERR_REQUEST_INVALID', `the query: ${key} must be a whole number`);
    return [[key, Number(text)] as const];
  });
  return Object.fromEntries(found) as Partial<Record<Key, number>>;
}

/** Whose the new thing is, and its mode, in octal as chmod(1) has it. Throws ERR_REQUEST_INVALID. */
export function makeOptionsOf({ mode, user }: Query): { mode?: number; user?: string } {
  if (mode !== undefined && !/^[0-7]{1,5}$/.test(mode))
    throw new ServeError('ERR_REQUEST_INVALID', 'the query: mode must be octal, such as 644');
  return {
    ...(mode === undefined ? {} : { mode: Number.parseInt(mode, 8) }),
    ...(user === undefined ? {} : { user }),
  };
}
