import type { FastifyInstance } from 'fastify';
import { takeEmptyBodies } from '../../serve/body-shape.ts';
import { onlyDocument } from '../../serve/route-docs.ts';
import type { E2bContext } from './control-context.ts';
import { addConnect } from './routes/connect.ts';
import { addCreate } from './routes/create.ts';
import { addList } from './routes/list.ts';
import { addLogs } from './routes/logs.ts';
import { addMetrics } from './routes/metrics.ts';
import { addNetwork } from './routes/network.ts';
import { addPause } from './routes/pause.ts';
import { addRefusals } from './routes/refusals.ts';
import { addSandbox } from './routes/sandbox.ts';
import { addTemplates } from './routes/templates.ts';
import { addTimeout } from './routes/timeout.ts';

/** E2B's control API, on an app that asks for a key and tells errors as ControlError has them. docs/e2b.md describes it. */
export function addControlRoutes(app: FastifyInstance, context: E2bContext): void {
  void app.register(async (api) => {
    takeEmptyBodies(api);
    onlyDocument(api);
    for (const add of [
      addCreate,
      addSandbox,
      addList,
      addTimeout,
      addConnect,
      addPause,
      addNetwork,
      addMetrics,
      addLogs,
      addTemplates,
    ])
      add(api, context);
    addRefusals(api);
  });
}
