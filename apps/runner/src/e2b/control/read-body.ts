import type { FastifyInstance } from 'fastify';
import { ControlError } from '../../serve/control-error.ts';
import { compileValidator } from '../../serve/validator.ts';

/**
 * Reads a request's body, which may be missing where nothing is required. Throws 400 naming the place, and nothing of what it
 * holds.
 * @param properties JSON Schema of each; what is not there is refused
 */
export function bodyReader<T extends object>(
  properties: Readonly<Record<keyof T, object>>,
  required: readonly (keyof T)[] = [],
): (body: unknown) => T {
  const check = compileValidator({ type: 'object', additionalProperties: false, required, properties });
  return (body) => {
    const trouble = check(body ?? {});
    if (trouble !== null) throw new ControlError(400, `the body: ${trouble}`);
    return (body ?? {}) as T;
  };
}

/** Clients send the type of a body that they then leave out: several requests need none. */
export function takeEmptyBodies(app: FastifyInstance): void {
  app.removeContentTypeParser('application/json');
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body: string, done) => {
    if (body === '') done(null);
    else void parse(request, body, done);
  });
}
