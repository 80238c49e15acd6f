import type { MetricSources } from '../src/serve/metrics/metric-sources.ts';
import { Metrics } from '../src/serve/metrics/metrics.ts';

/** Figures of a server that has done nothing. */
export function idleSources(): MetricSources {
  return {
    runtime: {
      list: () => [],
      poolStats: () => ({ parked: 0, missing: 0, taken: 0, missed: 0, made: 0, failures: 0 }),
      loopDelay: () => ({ p50Ms: 0, p99Ms: 0, maxMs: 0, longest: null }),
    },
    workers: {
      stats: () => ({
        threads: 0,
        running: 0,
        queued: 0,
        handles: 0,
        wait: { count: 0, meanMs: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 },
        stuck: 0,
        replaced: 0,
        abandoned: 0,
        lost: 0,
      }),
    },
    events: (async function* () {})(),
  };
}

/** For what counts, where nobody reads it. */
export function unreadMetrics(): Metrics {
  return new Metrics(idleSources());
}

/** Samples of the text that Prometheus reads: `name{labels}` to value. */
export function parseMetrics(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

/** The names of all metrics in that text. */
export function metricNames(text: string): string[] {
  return [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name);
}
