import type { Sandbox } from '@hatchery/runtime';
import type { Order, PagePlace } from '../serve/page-token.ts';

/** What an API lists. */
interface Listed {
  readonly id: string;
  readonly sandbox: Sandbox;
}

export interface PageQuery {
  readonly order: Order;
  readonly limit: number;
  /** null: from the first one on. */
  readonly after: PagePlace | null;
}

/** One page of a list. */
export interface Page<T> {
  readonly items: T[];
  /** Where the next one begins; null: this is the last. */
  readonly next: PagePlace | null;
}

/** By the time of the create, which a pause does not change; in one moment by the id. */
export function sortByStart<T extends Listed>(all: readonly T[], order: Order): T[] {
  return all.toSorted((one, other) => compare(placeOf(one), placeOf(other), order));
}

export function pageOf<T extends Listed>(all: readonly T[], { order, limit, after }: PageQuery): Page<T> {
  const sorted = sortByStart(all, order);
  const rest = after === null ? sorted : sorted.filter((one) => compare(placeOf(one), after, order) > 0);
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  return { items, next: last !== undefined && rest.length > items.length ? placeOf(last) : null };
}

function compare(one: PagePlace, other: PagePlace, order: Order): number {
  const byTime = one.startedAt - other.startedAt;
  if (byTime !== 0) return order === 'asc' ? byTime : -byTime;
  if (one.id === other.id) return 0;
  return one.id < other.id ? -1 : 1;
}

function placeOf({ id, sandbox }: Listed): PagePlace {
  return { startedAt: sandbox.createdAt.getTime(), id };
}
