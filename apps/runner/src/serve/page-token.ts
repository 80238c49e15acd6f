import { ControlError } from './control-error.ts';

/** The last sandbox of a page. */
export interface PagePlace {
  readonly startedAt: number;
  readonly id: string;
}

export type Order = 'asc' | 'desc';

/** Goes on behind a sandbox, whether or not it is still there. */
export function formatPageToken({ startedAt, id }: PagePlace, order: Order): string {
  const text = [new Date(startedAt).toISOString(), id, ...(order === 'asc' ? ['asc'] : [])].join('__');
  return Buffer.from(text).toString('base64url');
}

/** Throws 400 for one that was not made here, or is of the other order. @param name of the query's key */
export function parsePageToken(name: string, token: string, order: Order): PagePlace {
  const [time = '', id = '', suffix] = Buffer.from(token, 'base64url').toString().split('__');
  const startedAt = Date.parse(time);
  if (Number.isNaN(startedAt) || !/^[a-z0-9]+$/.test(id) || suffix !== (order === 'asc' ? 'asc' : undefined))
    throw new ControlError(400, `${name} is none that this server gave for this order`);
  return { startedAt, id };
}
