import type { Registry } from 'prom-client';
import type { MetricSources } from './metric-sources.ts';
import { readCounter, readGauges } from './read-metrics.ts';

interface Quantiles {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** The main thread, and those that do what blocks. */
export function addThreads(registry: Registry, { runtime, workers }: MetricSources): void {
  const delay = { name: 'hatchery_loop_delay_seconds', help: 'How late the event loop has come round since the start' };
  readGauges(registry, { ...delay, label: 'quantile' }, () => secondsOf(runtime.loopDelay()));

  const threads = { name: 'hatchery_worker_threads', help: 'Worker threads; abandoned: they hang in a system call' };
  readGauges(registry, { ...threads, label: 'state' }, () => {
    const stats = workers.stats();
    return { live: stats.threads, abandoned: stats.abandoned };
  });
  readGauges(registry, { name: 'hatchery_worker_jobs', help: 'Jobs of worker threads now', label: 'state' }, () => {
    const { running, queued } = workers.stats();
    return { running, queued };
  });
  const wait = { name: 'hatchery_worker_wait_seconds', help: 'How long jobs have waited for a thread since the start' };
  readGauges(registry, { ...wait, label: 'quantile' }, () => secondsOf(workers.stats().wait));

  const begun = { name: 'hatchery_worker_jobs_total', help: 'Jobs that a worker thread has begun' };
  readCounter(registry, begun, () => workers.stats().wait.count);
  for (const [figure, help] of [
    ['stuck', 'Jobs and calls whose deadline passed'],
    ['replaced', 'Worker threads that another one took the place of'],
    ['lost', 'Worker threads that died'],
  ] as const)
    readCounter(registry, { name: `hatchery_worker_${figure}_total`, help }, () => workers.stats()[figure]);
}

function secondsOf({ p50Ms, p99Ms, maxMs }: Quantiles): Record<string, number> {
  return { '0.5': p50Ms / 1000, '0.99': p99Ms / 1000, '1': maxMs / 1000 };
}
