import type { BlockingPool } from '@hatchery/blocking-io';
import type { Runtime, RuntimeEvent } from '@hatchery/runtime';

/** Whom the figures are asked of when somebody reads them. */
export interface MetricSources {
  readonly runtime: Pick<Runtime, 'list' | 'poolStats' | 'loopDelay'>;
  readonly workers: Pick<BlockingPool, 'stats'>;
  /** What happens to sandboxes, from the beginning on. */
  readonly events: AsyncIterable<Pick<RuntimeEvent, 'type' | 'reason'>>;
}
