import type { FastifyInstance, FastifyReply } from 'fastify';
import { takeEmptyBodies } from '../serve/body-shape.ts';
import { onlyDocument } from '../serve/route-docs.ts';
import { BoxError, toBoxError } from './box-error.ts';
import type { BoxliteContext } from './boxlite-context.ts';
import { addBox } from './routes/box.ts';
import { addConfig } from './routes/config.ts';
import { addCreate } from './routes/create.ts';
import { addExec } from './routes/exec.ts';
import { addExecution } from './routes/execution.ts';
import { addFiles } from './routes/files.ts';
import { addLifecycle } from './routes/lifecycle.ts';
import { addList } from './routes/list.ts';
import { addMe } from './routes/me.ts';
import { addBoxMetrics } from './routes/metrics.ts';
import { addRefusals } from './routes/refusals.ts';
import { addTunnel } from './routes/tunnel.ts';
import { addVolumes } from './routes/volumes.ts';

/**
 * The BoxLite API below /v1, on an app that asks for a key. A target has lost its client's prefix by then (`withoutPrefix`).
 * docs/boxlite.md describes it.
 */
export function addBoxliteRoutes(app: FastifyInstance, context: BoxliteContext): void {
  const tell = (error: unknown, route: string | undefined, reply: FastifyReply): FastifyReply => {
    const told = toBoxError(error);
    // A BoxError is an answer; anything else at 500 and above is trouble here.
    if (told.status >= 500 && !(error instanceof BoxError))
      context.logger.error({ err: error, route }, 'a request failed');
    return reply.code(told.status).send(told.body);
  };
  void app.register(
    async (api) => {
      takeEmptyBodies(api);
      onlyDocument(api);
      api.setErrorHandler((error, { routeOptions }, reply) => tell(error, routeOptions.url, reply));
      api.setNotFoundHandler(({ method }) => {
        throw new BoxError('not_found', `this API has no such path, or not with ${method}`);
      });
      const parts = [
        addConfig,
        addMe,
        addCreate,
        addList,
        addBox,
        addLifecycle,
        addFiles,
        addVolumes,
        addTunnel,
        addExec,
        addExecution,
      ];
      for (const add of [...parts, addBoxMetrics]) add(api, context);
      addRefusals(api);
    },
    { prefix: '/v1' },
  );
}
