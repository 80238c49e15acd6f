import type { PoolStats } from '@hatchery/runtime';
import { Gauge, type Registry } from 'prom-client';
import type { MetricSources } from './metric-sources.ts';
import { readCounter } from './read-counter.ts';

/** Of a server that makes none ahead. */
const none: PoolStats = { parked: 0, missing: 0, taken: 0, missed: 0, made: 0, failures: 0 };

/** Sandboxes that were made ahead. */
export function addPoolGauges({ runtime }: MetricSources, registers: Registry[]): void {
  const stats = (): PoolStats => runtime.poolStats() ?? none;
  new Gauge({
    name: 'hatchery_pool_sandboxes',
    help: 'Parked sandboxes: ready now, and missing (to be made at the next lull)',
    labelNames: ['state'],
    registers,
    collect() {
      const { parked, missing } = stats();
      this.set({ state: 'parked' }, parked);
      this.set({ state: 'missing' }, missing);
    },
  });
  const count = (name: string, help: string, read: () => number): void => readCounter({ name, help, registers }, read);
  count('hatchery_pool_taken_total', 'Creates that took a parked sandbox', () => stats().taken);
  count('hatchery_pool_missed_total', 'Creates that one would have fitted, had it been there', () => stats().missed);
  count('hatchery_pool_made_total', 'Sandboxes that were made ahead', () => stats().made);
  count(
    'hatchery_pool_failures_total',
    'Sandboxes that could not be made ahead, or died parked',
    () => stats().failures,
  );
}
