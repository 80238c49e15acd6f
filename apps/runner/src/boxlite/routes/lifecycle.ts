import type { FastifyInstance } from 'fastify';
import { resume } from '../../hosted/resume.ts';
import { BodyShape } from '../../serve/body-shape.ts';
import type { Box } from '../boxes/box.ts';
import { boxView } from '../boxes/box-view.ts';
import type { BoxliteContext } from '../boxlite-context.ts';
import { boxDocs, noBox } from '../docs.ts';

interface Route {
  Params: { id: string };
}

const maxGraceSeconds = 300;
const stopBody = new BodyShape<{ timeout_seconds?: number }>({
  timeout_seconds: { type: 'number', minimum: 0, maximum: maxGraceSeconds },
});

/** POST /boxes/:id/start and /stop: the box as it is then. One that is so already is as good. */
export function addLifecycle(app: FastifyInstance, { boxes, counters }: BoxliteContext): void {
  const started = boxDocs('Start a box that is stopped', {
    answers: { 200: 'it runs', 409: 'it changes its state', ...noBox },
  });
  app.post<Route>('/boxes/:id/start', started, async ({ params }, reply) => {
    const box = boxes.require(params.id);
    using _held = boxes.holdOf(box);
    await resume(box.sandbox);
    return reply.send(boxView(box));
  });

  const stopped = boxDocs('Stop a box, which keeps its files', {
    body: stopBody.schema,
    answers: { 200: 'it is stopped', 409: 'it changes its state', ...noBox },
  });
  app.post<Route>('/boxes/:id/stop', stopped, async ({ params, body }, reply) => {
    const { timeout_seconds: graceSeconds = 0 } = stopBody.read(body);
    const box = boxes.require(params.id);
    if (box.sandbox.state === 'stopped') return reply.send(boxView(box));
    using _held = boxes.holdOf(box);
    await askToEnd(box, graceSeconds * 1000);
    await box.sandbox.stop();
    counters.stopped += 1;
    return reply.send(boxView(box));
  });
}

/** Its programs get SIGTERM and so much time; without any they are ended with the box. */
async function askToEnd({ sandbox }: Box, graceMs: number): Promise<void> {
  if (graceMs === 0 || sandbox.state !== 'running') return;
  const executions = sandbox.executions();
  const signal = AbortSignal.timeout(graceMs);
  await Promise.all(executions.map((execution) => execution.kill('SIGTERM')));
  await Promise.allSettled(executions.map((execution) => execution.wait({ signal })));
}
