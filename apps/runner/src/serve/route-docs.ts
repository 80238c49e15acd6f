import type { FastifyInstance } from 'fastify';

/** What /openapi.json tells of a route. */
export interface RouteDocs {
  /** The wire that it belongs to. */
  readonly tag?: 'e2b' | 'boxlite';
  /** JSON Schema of the body. */
  readonly body?: object;
  /** Keys of the query, with what each is. */
  readonly query?: Readonly<Record<string, string>>;
  /** Statuses beside those that any route may answer. */
  readonly answers: Readonly<Record<number, string>>;
}

const everywhere = { 400: 'the request is wrong', 401: 'no key that is known here' };

/** For the options of a route. */
export function docs(summary: string, { tag = 'e2b', body, query = {}, answers }: RouteDocs): { schema: object } {
  const response = Object.fromEntries(
    Object.entries({ ...answers, ...everywhere }).map(([status, description]) => [status, { description }]),
  );
  const properties = Object.fromEntries(
    Object.entries(query).map(([name, description]) => [name, { type: 'string', description }]),
  );
  const querystring = { type: 'object', properties };
  return { schema: { summary, tags: [tag], ...(body === undefined ? {} : { body }), querystring, response } };
}

/** Schemas of these routes are for those who read them: what is asked is judged by the routes, and answers are sent whole. */
export function onlyDocument(app: FastifyInstance): void {
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
}
