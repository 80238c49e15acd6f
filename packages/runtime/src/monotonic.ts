/** CLOCK_MONOTONIC in milliseconds: one clock for all processes of this boot, which nobody can set. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}
