import { Counter, Gauge, type Registry } from 'prom-client';

interface Described {
  readonly name: string;
  readonly help: string;
}

/** A figure that somebody else keeps, asked for at each reading. */
export function readGauge(registry: Registry, described: Described, read: () => number): void {
  const gauge = new Gauge({
    ...described,
    registers: [],
    collect() {
      this.set(read());
    },
  });
  registry.registerMetric(gauge);
}

/** Several of a kind; what `read` leaves out is not told. */
export function readGauges(
  registry: Registry,
  described: Described & { label: string },
  read: () => Readonly<Record<string, number>>,
): void {
  const { label, ...rest } = described;
  const gauge = new Gauge({
    ...rest,
    labelNames: [label],
    registers: [],
    collect() {
      this.reset();
      for (const [value, figure] of Object.entries(read())) this.set({ [label]: value }, figure);
    },
  });
  registry.registerMetric(gauge);
}

/** A counter that somebody else counts. */
export function readCounter(registry: Registry, described: Described, read: () => number): void {
  const counter = new Counter({
    ...described,
    registers: [],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
  registry.registerMetric(counter);
}
