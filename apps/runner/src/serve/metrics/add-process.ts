import { readdirSync } from 'node:fs';
import type { Registry } from 'prom-client';
import { readCounter, readGauge } from './read-metrics.ts';

/** This process, by the names that dashboards know. */
export function addProcess(registry: Registry): void {
  const memory = { name: 'process_resident_memory_bytes', help: 'Memory of this process' };
  readGauge(registry, memory, () => process.memoryUsage.rss());
  const descriptors = { name: 'process_open_fds', help: 'Descriptors of this process' };
  readGauge(registry, descriptors, () => readdirSync('/proc/self/fd').length);
  readCounter(registry, { name: 'process_cpu_seconds_total', help: 'Processor time of this process' }, () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
}
