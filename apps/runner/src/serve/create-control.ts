import type { IncomingMessage } from 'node:http';
import { type FastifyInstance, type FastifyReply, fastify } from 'fastify';
import { toBoxError } from '../boxlite/box-error.ts';
import type { BoxliteContext } from '../boxlite/boxlite-context.ts';
import { addBoxliteRoutes } from '../boxlite/boxlite-routes.ts';
import { isBoxTarget, withoutPrefix } from '../boxlite/path-prefix.ts';
import type { E2bContext } from '../e2b/control/control-context.ts';
import { addControlRoutes } from '../e2b/control/control-routes.ts';
import { limitBodyTime } from './body-deadline.ts';
import { ControlError, toControlError } from './control-error.ts';
import { countRequests } from './count-requests.ts';
import { describeApi } from './describe-api.ts';
import { requestLog } from './request-log.ts';
import { checkKey, requireKey } from './require-key.ts';
import { addHealth } from './routes/health.ts';
import { addMetrics } from './routes/metrics.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Its body may take as long as its route allows. */
    slowBody?: boolean;
  }
}

/** What the routes of the TCP port share. */
export interface ControlContext extends E2bContext, BoxliteContext {}

/** A body of the control API is small; those of files are the business of envd. */
const maxBodyBytes = 2 ** 20;
const bodyMs = 30_000;

/**
 * The control API of one runtime, once it is `ready()` for whoever hands requests to its `routing`. A route needs a key
 * unless its config says `open`.
 */
export function createControl(context: ControlContext): FastifyInstance {
  const { logger, keys, metrics } = context;
  const tell = (error: unknown, route: string | undefined, reply: FastifyReply): FastifyReply => {
    const told = toControlError(error);
    // A ControlError is an answer; anything else at 500 and above is trouble here.
    if (told.status >= 500 && !(error instanceof ControlError)) logger.error({ err: error, route }, 'a request failed');
    return reply.code(told.status).send(told.body);
  };
  const app = fastify({
    bodyLimit: maxBodyBytes,
    routerOptions: { maxParamLength: 200 },
    rewriteUrl: ({ url = '' }) => withoutPrefix(url),
    // A path that cannot be decoded has no route, and so no hook.
    frameworkErrors: (_error, { raw }, reply) => {
      try {
        checkKey(keys, raw, reply);
        refuse(raw, new ControlError(400, 'the path cannot be decoded'), reply);
      } catch (error) {
        refuse(raw, error, reply);
      }
    },
  });
  app.setErrorHandler((error, { routeOptions }, reply) => tell(error, routeOptions.url, reply));
  app.setNotFoundHandler(({ method }) => {
    throw new ControlError(404, `this API has no such path, or not with ${method}`);
  });
  app.addHook('onRequest', async ({ raw, routeOptions }) => {
    if (routeOptions.config?.slowBody !== true) limitBodyTime(raw, bodyMs);
  });
  app.addHook('onRequest', requireKey(keys));
  app.addHook('onResponse', requestLog(logger));
  app.addHook('onResponse', countRequests(metrics, 'control'));
  describeApi(app);
  void app.register(async (own) => {
    addHealth(own);
    addMetrics(own, metrics);
  });
  addControlRoutes(app, context);
  addBoxliteRoutes(app, context);
  return app;
}

/** In the words of the API whose path it looks like. */
function refuse({ url = '' }: IncomingMessage, error: unknown, reply: FastifyReply): void {
  const { status, body } = isBoxTarget(url) ? toBoxError(error) : toControlError(error);
  void reply.code(status).send(body);
}
