import { type FastifyInstance, fastify } from 'fastify';
import { maxStartBytes } from '../wire/frame.ts';
import { parseQuery } from '../wire/query.ts';
import { takeAnyBody } from './body-of.ts';
import type { ServeContext } from './context.ts';
import { countRequests } from './count-requests.ts';
import { ServeError, toErrorResponse } from './error-response.ts';
import { requestLog } from './request-log.ts';
import { addCensus } from './routes/census.ts';
import { addCreate } from './routes/create.ts';
import { addDestroy } from './routes/destroy.ts';
import { addEvents } from './routes/events.ts';
import { addExecutionOutput } from './routes/execution-output.ts';
import { addExecutionSignal } from './routes/execution-signal.ts';
import { addExecutions } from './routes/executions.ts';
import { addFileArchive } from './routes/file-archive.ts';
import { addFileAttributes } from './routes/file-attributes.ts';
import { addFileContent } from './routes/file-content.ts';
import { addFileWatch } from './routes/file-watch.ts';
import { addFiles } from './routes/files.ts';
import { addGc } from './routes/gc.ts';
import { addLifecycle } from './routes/lifecycle.ts';
import { addSandboxes } from './routes/sandboxes.ts';
import { addStats } from './routes/stats.ts';
import { isExecUpgrade, upgrade } from './upgrade.ts';
import { compileValidator } from './validator.ts';

/** The API of one runtime, not listening yet. docs/serve.md describes it. */
export function createServer(context: ServeContext): FastifyInstance {
  const app = fastify({
    bodyLimit: maxStartBytes,
    // What asks for nothing, such as an idle connection, does not keep the server from ending.
    forceCloseConnections: true,
    http: { shouldUpgradeCallback: isExecUpgrade },
    routerOptions: { maxParamLength: 64, querystringParser: parseQuery },
  });
  app.setValidatorCompiler(({ schema }) => {
    const validate = compileValidator(schema);
    return (value: unknown) => {
      const trouble = validate(value);
      return trouble === null ? true : { error: new ServeError('ERR_REQUEST_INVALID', `the body: ${trouble}`) };
    };
  });
  app.setErrorHandler((error, request, reply) => {
    const { status, body, isExpected } = toErrorResponse(error);
    if (!isExpected) context.logger.error({ err: error, route: request.routeOptions.url }, 'a request failed');
    return reply.code(status).send(body);
  });
  app.setNotFoundHandler(({ method, url }) => {
    throw new ServeError('ERR_ROUTE_NOT_FOUND', `${method} ${url.slice(0, 200)} is not part of this API`);
  });
  app.addHook('onResponse', requestLog(context.logger));
  app.addHook('onResponse', countRequests(context.metrics, 'socket'));
  app.server.on('upgrade', (request, socket, head) => upgrade(context, request, socket, head));
  for (const add of [
    addSandboxes,
    addCreate,
    addDestroy,
    addExecutions,
    addExecutionOutput,
    addExecutionSignal,
    addEvents,
    addLifecycle,
    addStats,
    addCensus,
    addGc,
    addFiles,
    addFileAttributes,
    addFileWatch,
  ])
    add(app, context);
  void app.register(async (bytes) => {
    takeAnyBody(bytes);
    addFileContent(bytes, context);
    addFileArchive(bytes, context);
  });
  return app;
}
