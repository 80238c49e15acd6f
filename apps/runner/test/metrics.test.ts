import { readFileSync } from 'node:fs';
import { HatcheryError } from '@hatchery/runtime';
import { expect, it } from 'vitest';
import type { MetricSources } from '../src/serve/metrics/metric-sources.ts';
import { Metrics } from '../src/serve/metrics/metrics.ts';
import { idleSources, metricNames, parseMetrics, unreadMetrics } from './metric-sources.ts';

async function samplesOf(sources: Partial<MetricSources>): Promise<Map<string, number>> {
  return parseMetrics(await new Metrics({ ...idleSources(), ...sources }).text());
}

// What a healthy server does not do; the other half of inv-61 is in metrics.kernel.test.ts.
it('inv-61: threads that hang or die, and parked sandboxes that fail, are told as their owners count them', async () => {
  const { runtime, workers } = idleSources();
  const stats = { ...workers.stats(), threads: 3, running: 2, queued: 5, stuck: 7, replaced: 6, abandoned: 4, lost: 8 };
  const samples = await samplesOf({
    workers: { stats: () => ({ ...stats, wait: { count: 9, meanMs: 1, p50Ms: 1, p99Ms: 20, maxMs: 300 } }) },
    runtime: {
      ...runtime,
      poolStats: () => ({ parked: 1, missing: 2, taken: 3, missed: 4, made: 5, failures: 6 }),
      loopDelay: () => ({ p50Ms: 1, p99Ms: 20, maxMs: 300, longest: null }),
    },
  });
  expect(Object.fromEntries(samples)).toMatchObject({
    'hatchery_worker_threads{state="live"}': 3,
    'hatchery_worker_threads{state="abandoned"}': 4,
    'hatchery_worker_jobs{state="running"}': 2,
    'hatchery_worker_jobs{state="queued"}': 5,
    'hatchery_worker_wait_seconds{quantile="0.99"}': 0.02,
    hatchery_worker_jobs_total: 9,
    hatchery_worker_stuck_total: 7,
    hatchery_worker_replaced_total: 6,
    hatchery_worker_lost_total: 8,
    'hatchery_loop_delay_seconds{quantile="1"}': 0.3,
    'hatchery_pool_sandboxes{state="parked"}': 1,
    'hatchery_pool_sandboxes{state="missing"}': 2,
    hatchery_pool_taken_total: 3,
    hatchery_pool_missed_total: 4,
    hatchery_pool_made_total: 5,
    hatchery_pool_failures_total: 6,
  });
});

it('inv-61: creates that fail are counted by their code', async () => {
  const metrics = unreadMetrics();
  const refusal = new HatcheryError('ERR_SPEC_INVALID', 'no');
  await expect(metrics.creating(() => Promise.reject(refusal))).rejects.toBe(refusal);
  await expect(metrics.creating(() => Promise.reject(new Error('why')))).rejects.toThrow('why');
  expect(Object.fromEntries(parseMetrics(await metrics.text()))).toMatchObject({
    'hatchery_sandbox_create_failures_total{code="ERR_SPEC_INVALID"}': 1,
    'hatchery_sandbox_create_failures_total{code="ERR_INTERNAL"}': 1,
  });
});

it('what a client or a program in a sandbox makes up is no label', async () => {
  const metrics = unreadMetrics();
  const told = { api: 'proxy', route: undefined, seconds: 1 } as const;
  for (let index = 0; index < 100; index++) metrics.answered({ ...told, method: `M${index}`, status: 900 + index });
  metrics.answered({ ...told, method: 'GET', status: 204 });
  const samples = [...parseMetrics(await metrics.text())].filter(([name]) => name.includes('requests_total'));
  expect(samples).toEqual([
    ['hatchery_http_requests_total{api="proxy",method="other",route="none",status="9xx"}', 100],
    ['hatchery_http_requests_total{api="proxy",method="GET",route="none",status="2xx"}', 1],
  ]);
});

it('docs/metrics.md lists them all, and no other', async () => {
  const page = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');
  const listed = [...page.matchAll(/^\| `(\w+)/gm)].map(([, name = '']) => name);
  expect(listed.toSorted()).toEqual(metricNames(await unreadMetrics().text()).toSorted());
});
