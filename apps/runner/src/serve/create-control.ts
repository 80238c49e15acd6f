import type { Logger, Runtime } from '@hatchery/runtime';
import { type FastifyInstance, fastify } from 'fastify';
import { ControlError, toControlError } from './control-error.ts';
import { requestLog } from './request-log.ts';
import { addHealth } from './routes/health.ts';

/** What the routes of the TCP port share. */
export interface ControlContext {
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** Fires when the server ends: streams that have no end of their own end then. */
  readonly closing: AbortSignal;
}

/** A body of the control API is small; those of files are the business of envd. */
const maxBodyBytes = 2 ** 20;

/** The control API of one runtime, once it is `ready()` for whoever hands requests to its `routing`. */
export function createControl(context: ControlContext): FastifyInstance {
  const app = fastify({ bodyLimit: maxBodyBytes });
  app.setErrorHandler((error, request, reply) => {
    const told = toControlError(error);
    if (told.status >= 500) context.logger.error({ err: error, route: request.routeOptions.url }, 'a request failed');
    return reply.code(told.status).send(told.body);
  });
  app.setNotFoundHandler(({ method }) => {
    throw new ControlError(404, `this API has no such path, or not with ${method}`);
  });
  app.addHook('onResponse', requestLog(context.logger));
  addHealth(app);
  return app;
}
