import { readdirSync } from 'node:fs';
import { Gauge, type Registry } from 'prom-client';
import { readCounter } from './read-counter.ts';

/** This process, by the names that dashboards know. */
export function addProcessGauges(registers: Registry[]): void {
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Memory of this process',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: 'process_open_fds',
    help: 'Descriptors of this process',
    registers,
    collect() {
      this.set(readdirSync('/proc/self/fd').length);
    },
  });
  readCounter({ name: 'process_cpu_seconds_total', help: 'Processor time of this process', registers }, () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
}
