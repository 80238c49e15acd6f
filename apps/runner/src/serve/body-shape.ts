import type { FastifyInstance } from 'fastify';
import { ControlError } from './control-error.ts';
import { compileValidator } from './validator.ts';

/** What the body of a request may look like; what is not there is refused. */
export class BodyShape<T extends object> {
  /** JSON Schema. */
  readonly schema: object;
  readonly #check: (value: unknown) => string | null;

  constructor(properties: Readonly<Record<keyof T, object>>, required: readonly (keyof T)[] = []) {
    this.schema = {
      type: 'object',
      additionalProperties: false,
      properties,
      ...(required.length === 0 ? {} : { required }),
    };
    this.#check = compileValidator(this.schema);
  }

  /** The body, which may be missing where nothing is required. Throws 400 naming the place, and nothing of what it holds. */
  read(body: unknown): T {
    const trouble = this.#check(body ?? {});
    if (trouble !== null) throw new ControlError(400, `the body: ${trouble}`);
    return (body ?? {}) as T;
  }
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
