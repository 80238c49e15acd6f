import { Counter, type Registry } from 'prom-client';

/** A counter that somebody else counts: its value is asked for at each reading. */
export function readCounter(
  { name, help, registers }: { name: string; help: string; registers: Registry[] },
  read: () => number,
): void {
  new Counter({
    name,
    help,
    registers,
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}
