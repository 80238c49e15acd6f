import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { fastify } from 'fastify';
import { countRequests } from '../../serve/count-requests.ts';
import { toErrorResponse } from '../../serve/error-response.ts';
import { requestLog } from '../../serve/request-log.ts';
import type { HostedSandbox } from '../hosted/hosted-sandbox.ts';
import { allowOrigins } from './allow-origins.ts';
import { authorize } from './authorize.ts';
import { addConnect } from './connect/add-connect.ts';
import type { EnvdContext } from './envd-context.ts';
import { EnvdError } from './envd-error.ts';
import { addFiles } from './files/add-files.ts';
import { filesystemRoutes } from './filesystem/filesystem-routes.ts';
import { setHosted } from './hosted-of.ts';
import { processRoutes } from './process/process-routes.ts';
import { addSandboxRoutes } from './sandbox-routes.ts';
import { wakeFirst } from './wake-first.ts';

/** What clients find at port 49983 of each sandbox. It is no program inside: it works through the runtime. */
export interface Envd {
  /** Answers one request of HTTP/1.1 or HTTP/2 that is for this sandbox. Never throws. */
  handle(
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
    hosted: HostedSandbox,
  ): void;
  /** Takes no more requests; streams end when `closing` fires. */
  close(): Promise<void>;
}

/** Of all sandboxes; it does not listen itself. */
export function createEnvd(context: EnvdContext): Envd {
  const { logger, metrics } = context;
  const app = fastify({ routerOptions: { maxParamLength: 64 } });
  app.setErrorHandler((error, { routeOptions }, reply) => {
    if (error instanceof EnvdError)
      return reply.code(error.status).send({ ...error.details, code: error.status, message: error.message });
    const { status, body, isExpected } = toErrorResponse(error);
    if (!isExpected) logger.error({ err: error, route: routeOptions.url }, 'a request to envd failed');
    return reply.code(status).send({ code: status, message: body.error.message });
  });
  app.setNotFoundHandler(({ method, url }) => {
    // Without what may be secret in it, such as a signature.
    const [path = ''] = url.split('?');
    throw new EnvdError(404, `${method} ${path.slice(0, 200)} is not part of envd's API`);
  });
  app.addHook('onRequest', allowOrigins);
  app.addHook('onRequest', authorize);
  // Behind the token, and behind what a route asks for instead of it.
  app.addHook('preParsing', wakeFirst(context));
  app.addHook('onResponse', requestLog(logger));
  app.addHook('onResponse', countRequests(metrics, 'envd'));
  addSandboxRoutes(app, context);
  addFiles(app);
  void app.register(async (rpc) => addConnect(rpc, context, [processRoutes, filesystemRoutes]));
  const ready = app.ready();
  return {
    handle(request, response, hosted) {
      setHosted(request, hosted);
      // Fastify's own type knows one of the two only; what it uses of them is the same.
      void ready.then(() => app.routing(request as IncomingMessage, response as ServerResponse));
    },
    close: () => app.close(),
  };
}
