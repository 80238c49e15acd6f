import type { PoolStats } from '@hatchery/runtime';
import { Counter, type Registry } from 'prom-client';
import type { MetricSources } from './metric-sources.ts';
import { readCounter, readGauges } from './read-metrics.ts';

/** Of a server that makes none ahead. */
const none: PoolStats = { parked: 0, missing: 0, taken: 0, missed: 0, made: 0, failures: 0 };

/** Sandboxes, what happens to them, and those that are made ahead. */
export function addSandboxes(registry: Registry, { runtime, events }: MetricSources): void {
  readGauges(registry, { name: 'hatchery_sandboxes', help: 'Sandboxes now', label: 'state' }, () => {
    const byState: Record<string, number> = {};
    for (const { state } of runtime.list()) byState[state] = (byState[state] ?? 0) + 1;
    return byState;
  });
  void countEvents(registry, events);

  const pool = (): PoolStats => runtime.poolStats() ?? none;
  const inPool = { name: 'hatchery_pool_sandboxes', help: 'Parked ones, and those to be made', label: 'state' };
  readGauges(registry, inPool, () => ({ parked: pool().parked, missing: pool().missing }));
  for (const [figure, help] of [
    ['taken', 'Creates that took a parked sandbox'],
    ['missed', 'Creates that one would have fitted, had it been there'],
    ['made', 'Sandboxes that were made ahead'],
    ['failures', 'Sandboxes that could not be made ahead, or died parked'],
  ] as const)
    readCounter(registry, { name: `hatchery_pool_${figure}_total`, help }, () => pool()[figure]);
}

/** Until the runtime is closed. */
async function countEvents(registry: Registry, events: MetricSources['events']): Promise<void> {
  const registers = [registry];
  const happened = new Counter({
    name: 'hatchery_sandbox_events_total',
    help: 'What has happened to sandboxes; gap: more than could be counted',
    labelNames: ['type'],
    registers,
  });
  const ended = new Counter({
    name: 'hatchery_sandbox_destroys_total',
    help: 'Sandboxes that have ended for good',
    labelNames: ['reason'],
    registers,
  });
  for await (const { type, reason } of events) {
    happened.inc({ type });
    if (type === 'destroyed') ended.inc({ reason: reason ?? 'unknown' });
  }
}
