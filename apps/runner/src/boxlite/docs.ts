import { docs, type RouteDocs } from '../serve/route-docs.ts';

/** For the options of a route of this API. */
export function boxDocs(summary: string, about: Omit<RouteDocs, 'tag'>): { schema: object } {
  return docs(summary, { ...about, tag: 'boxlite' });
}

export const noBox: Readonly<Record<number, string>> = { 404: 'there is no such box' };
