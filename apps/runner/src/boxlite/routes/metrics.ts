import type { FastifyInstance } from 'fastify';
import type { BoxliteContext } from '../boxlite-context.ts';
import { boxDocs, noBox } from '../docs.ts';
import { CpuShare } from '../metrics/cpu-share.ts';

interface Route {
  Params: { id: string };
}

/** GET /metrics and /boxes/:id/metrics, as BoxLite's clients read them. What is not counted here is left out. */
export function addBoxMetrics(app: FastifyInstance, { boxes, counters }: BoxliteContext): void {
  const cpuShare = new CpuShare();
  const all = boxDocs('What this API has done since the server began', { answers: { 200: 'counters' } });
  app.get('/metrics', all, (_request, reply) =>
    reply.send({
      boxes_created_total: counters.created,
      boxes_failed_total: counters.failed,
      boxes_stopped_total: counters.stopped,
      num_running_boxes: boxes.list().filter(({ sandbox }) => sandbox.state === 'running').length,
      total_commands_executed: counters.commands,
      total_exec_errors: counters.execErrors,
    }),
  );

  const one = boxDocs('What a box has done and uses', {
    answers: { 200: 'counters since the server began; use of memory and processors while it runs', ...noBox },
  });
  app.get<Route>('/boxes/:id/metrics', one, async ({ params }, reply) => {
    const box = boxes.require(params.id);
    const { commands, execErrors, createMs, bytesSent, bytesReceived } = counters.of(box);
    const { cpuMs, memoryBytes } = box.sandbox.state === 'running' ? await box.sandbox.stats() : {};
    // What is undefined is not sent.
    return await reply.send({
      commands_executed_total: commands,
      exec_errors_total: execErrors,
      bytes_sent_total: bytesSent,
      bytes_received_total: bytesReceived,
      cpu_percent: cpuShare.read(box, cpuMs),
      memory_bytes: memoryBytes,
      ...(createMs === null ? {} : { boot_timing: { total_create_ms: Math.round(createMs) } }),
    });
  });
}
