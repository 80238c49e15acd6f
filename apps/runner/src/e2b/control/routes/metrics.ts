import type { FastifyInstance } from 'fastify';
import { ControlError } from '../../../serve/control-error.ts';
import { queryOf, readInteger } from '../../../serve/query-of.ts';
import { docs } from '../../../serve/route-docs.ts';
import type { HostedSandbox } from '../../hosted/hosted-sandbox.ts';
import type { UsageSample } from '../../hosted/usage-history.ts';
import { sampleUsage } from '../../hosted/usage-sampler.ts';
import type { E2bContext } from '../control-context.ts';
import { findHosted, isEnding, notFound } from '../find-hosted.ts';

const maxIds = 100;

/**
 * GET /sandboxes/:id/metrics: a sample each five seconds while it runs, of the last hour, in the seconds from `start` to
 * `end`. GET /sandboxes/metrics: the newest of several that run.
 */
export function addMetrics(app: FastifyInstance, context: E2bContext): void {
  const { usage } = context.hosted;
  sampleUsage(context.hosted, context);

  const range = { start: 'Unix seconds', end: 'Unix seconds' };
  const one = docs('What a sandbox has used', {
    query: range,
    answers: { 200: 'a sample each five seconds', 404: 'there is no such sandbox' },
  });
  app.get<{ Params: { id: string } }>('/sandboxes/:id/metrics', one, async ({ params, url }, reply) => {
    const query = queryOf(url);
    const start = readInteger('start', query.get('start'), 0, Number.MAX_SAFE_INTEGER) ?? 0;
    const end = readInteger('end', query.get('end'), 0, Number.MAX_SAFE_INTEGER) ?? Number.MAX_SAFE_INTEGER;
    if (start > end) throw new ControlError(400, 'start must not be after end');
    const hosted = findHosted(context, params.id);
    if (isEnding(hosted)) throw notFound(params.id);
    const history = usage.historyOf(hosted.sandbox);
    // Of one that was made a moment ago the first.
    if (history.newest === null && hosted.sandbox.state === 'running') await usage.sample(hosted);
    const views = history.all().map((sample) => metricView(hosted, sample));
    return reply.send(views.filter(({ timestampUnix }) => timestampUnix >= start && timestampUnix <= end));
  });

  const several = docs('What sandboxes use', {
    query: { sandbox_ids: 'at most 100, with commas' },
    answers: { 200: 'the newest sample of each that runs' },
  });
  app.get('/sandboxes/metrics', several, async ({ url }, reply) => {
    const ids = queryOf(url)
      .getAll('sandbox_ids')
      .flatMap((text) => text.split(','));
    if (ids.length > maxIds) throw new ControlError(400, `sandbox_ids: at most ${maxIds} at a time`);
    const sandboxes: Record<string, MetricView> = {};
    for (const id of new Set(ids)) {
      const hosted = context.hosted.find(id);
      if (hosted?.sandbox.state === 'running') sandboxes[hosted.id] = metricView(hosted, await usage.newest(hosted));
    }
    return reply.send({ sandboxes });
  });
}

/** SandboxMetric; what the host does not count is left out. */
interface MetricView {
  readonly timestamp: string;
  readonly timestampUnix: number;
  readonly cpuCount: number;
  readonly cpuUsedPct: number | undefined;
  readonly memUsed: number | undefined;
  readonly memTotal: number;
  readonly memCache: number | undefined;
  readonly diskUsed: number;
  readonly diskTotal: number;
}

function metricView({ sandbox }: HostedSandbox, { at, ...figures }: UsageSample): MetricView {
  const { cpus, memoryBytes } = sandbox.spec.limits;
  const when = { timestamp: new Date(at).toISOString(), timestampUnix: Math.floor(at / 1000) };
  return { ...when, cpuCount: Math.ceil(cpus), memTotal: memoryBytes, ...figures };
}
