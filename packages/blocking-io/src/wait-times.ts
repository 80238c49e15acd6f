import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

/** How long jobs waited between the call and their first instruction in a thread. */
export interface WaitSummary {
  /** How many jobs were measured. */
  readonly count: number;
  /** The mean, in milliseconds. */
  readonly meanMs: number;
  /** The median, in milliseconds. */
  readonly p50Ms: number;
  /** The 99th percentile, in milliseconds. */
  readonly p99Ms: number;
  /** The longest, in milliseconds. */
  readonly maxMs: number;
}

export class WaitTimes {
  readonly #histogram: RecordableHistogram = createHistogram();

  record(waitedMs: number): void {
    this.#histogram.record(Math.max(1, Math.round(waitedMs * 1000)));
  }

  summary(): WaitSummary {
    const { count, mean, max } = this.#histogram;
    if (count === 0) return { count, meanMs: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 };
    const [p50, p99] = [this.#histogram.percentile(50), this.#histogram.percentile(99)];
    return { count, meanMs: mean / 1000, p50Ms: p50 / 1000, p99Ms: p99 / 1000, maxMs: max / 1000 };
  }
}
