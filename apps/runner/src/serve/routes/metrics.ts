import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../metrics/metrics.ts';

/** GET /metrics: what Prometheus reads; it needs a key as everything does (`authorization` in its configuration). */
export function addMetrics(app: FastifyInstance, metrics: Metrics): void {
  const schema = { summary: 'Metrics, in the format of Prometheus', produces: ['text/plain'] };
  app.get('/metrics', { schema }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );
}
