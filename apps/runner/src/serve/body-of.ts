import { PassThrough, type Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';

/** Bodies of these routes are bytes, whatever their type, and are not read before the route asks for them. */
export function takeAnyBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
}

/**
 * The body, as fast as it is taken. Ends with an error when the client goes away in its middle. When it is destroyed the
 * rest is read and thrown away: a client that still sends would otherwise never look at its answer.
 */
export function bodyOf({ raw }: FastifyRequest): Readable {
  const body = new PassThrough();
  const onGone = (): void => {
    if (!raw.complete) body.destroy(new Error('the client has gone'));
  };
  raw.on('error', onGone);
  raw.once('close', onGone);
  body.once('close', () => {
    // First: what pipe() does at the same event would pause it again.
    raw.unpipe(body);
    raw.resume();
  });
  return raw.pipe(body);
}
