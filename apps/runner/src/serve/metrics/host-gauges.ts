import { Counter, Gauge, type Registry } from 'prom-client';
import type { MetricSources } from './metric-sources.ts';
import { readCounter } from './read-counter.ts';

/** Sandboxes, and the threads that do what blocks. */
export function addHostGauges({ runtime, workers, events }: MetricSources, registers: Registry[]): void {
  new Gauge({
    name: 'hatchery_sandboxes',
    help: 'Sandboxes now, by state',
    labelNames: ['state'],
    registers,
    collect() {
      this.reset();
      for (const { state } of runtime.list()) this.inc({ state });
    },
  });
  const happened = new Counter({
    name: 'hatchery_sandbox_events_total',
    help: 'What has happened to sandboxes; gap: more than could be counted',
    labelNames: ['type'],
    registers,
  });
  const ended = new Counter({
    name: 'hatchery_sandbox_destroys_total',
    help: 'Sandboxes that have ended for good, by reason',
    labelNames: ['reason'],
    registers,
  });
  void (async () => {
    for await (const { type, reason } of events) {
      happened.inc({ type });
      if (type === 'destroyed') ended.inc({ reason: reason ?? 'unknown' });
    }
  })();
  new Gauge({
    name: 'hatchery_loop_delay_seconds',
    help: 'How late the event loop has come round since the start, by quantile (1: at most)',
    labelNames: ['quantile'],
    registers,
    collect() {
      const { p50Ms, p99Ms, maxMs } = runtime.loopDelay();
      for (const [quantile, ms] of [
        ['0.5', p50Ms],
        ['0.99', p99Ms],
        ['1', maxMs],
      ] as const)
        this.set({ quantile }, ms / 1000);
    },
  });
  new Gauge({
    name: 'hatchery_worker_threads',
    help: 'Worker threads; abandoned: given up because they hang in a system call',
    labelNames: ['state'],
    registers,
    collect() {
      const { threads, abandoned } = workers.stats();
      this.set({ state: 'live' }, threads);
      this.set({ state: 'abandoned' }, abandoned);
    },
  });
  new Gauge({
    name: 'hatchery_worker_jobs',
    help: 'Jobs of worker threads now',
    labelNames: ['state'],
    registers,
    collect() {
      const { running, queued } = workers.stats();
      this.set({ state: 'running' }, running);
      this.set({ state: 'queued' }, queued);
    },
  });
  new Gauge({
    name: 'hatchery_worker_wait_seconds',
    help: 'How long jobs have waited for a thread since the start, by quantile (1: at most)',
    labelNames: ['quantile'],
    registers,
    collect() {
      const { p50Ms, p99Ms, maxMs } = workers.stats().wait;
      for (const [quantile, ms] of [
        ['0.5', p50Ms],
        ['0.99', p99Ms],
        ['1', maxMs],
      ] as const)
        this.set({ quantile }, ms / 1000);
    },
  });
  const count = (name: string, help: string, read: () => number): void => readCounter({ name, help, registers }, read);
  count('hatchery_worker_jobs_total', 'Jobs that a worker thread has begun', () => workers.stats().wait.count);
  count('hatchery_worker_stuck_total', 'Jobs and calls whose deadline passed', () => workers.stats().stuck);
  count(
    'hatchery_worker_replaced_total',
    'Worker threads that another one took the place of',
    () => workers.stats().replaced,
  );
  count('hatchery_worker_lost_total', 'Worker threads that died', () => workers.stats().lost);
}
