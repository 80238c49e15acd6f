import type { Logger } from '@hatchery/runtime';
import type { KeyStore } from '../keys/key-store.ts';
import type { Metrics } from '../serve/metrics/metrics.ts';
import type { TemplateStore } from '../templates/template-store.ts';
import type { Boxes } from './boxes/boxes.ts';
import type { Executions } from './executions/executions.ts';
import type { BoxCounters } from './metrics/box-counters.ts';
import type { TunnelTickets } from './tunnel/tunnel-tickets.ts';
import type { VolumeStore } from './volumes/volume-store.ts';

/** What the routes of the BoxLite API share. */
export interface BoxliteContext {
  readonly boxes: Boxes;
  readonly counters: BoxCounters;
  readonly volumes: VolumeStore;
  readonly tickets: TunnelTickets;
  readonly executions: Executions;
  readonly templates: Pick<TemplateStore, 'find'>;
  readonly keys: KeyStore;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Fires when the server ends. */
  readonly closing: AbortSignal;
}
