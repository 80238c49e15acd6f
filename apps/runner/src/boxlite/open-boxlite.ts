import type { Logger, Runtime } from '@hatchery/runtime';
import type { Metrics } from '../serve/metrics/metrics.ts';
import { Boxes } from './boxes/boxes.ts';
import type { BoxliteContext } from './boxlite-context.ts';
import { Executions } from './executions/executions.ts';
import { BoxCounters } from './metrics/box-counters.ts';
import { TunnelTickets } from './tunnel/tunnel-tickets.ts';

interface Shared {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Fires when the server ends. */
  readonly closing: AbortSignal;
}

/** What the API has of its own, with what an earlier server has left. */
export function openBoxlite(shared: Shared): Pick<BoxliteContext, 'boxes' | 'executions' | 'counters' | 'tickets'> {
  const boxes = new Boxes(shared);
  const counters = new BoxCounters();
  const executions = new Executions({ ...shared, boxes, counters });
  return { boxes, executions, counters, tickets: new TunnelTickets() };
}
