import type { Logger, Runtime } from '@hatchery/runtime';
import type { Metrics } from '../../serve/metrics/metrics.ts';
import type { TemplateStore } from '../../templates/template-store.ts';
import type { HostedSandboxes } from '../hosted/hosted-sandboxes.ts';

/** What the routes of the E2B control API share. */
export interface E2bContext {
  readonly runtime: Runtime;
  readonly hosted: HostedSandboxes;
  readonly templates: Pick<TemplateStore, 'find'>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** What clients put behind `<port>-<id>.`; may end in `:<port>`. Known once the server listens. */
  readonly domain: () => string;
  /** The longest timeout that a client may ask for. */
  readonly maxTimeoutMs: number;
  /** Fires when the server ends. */
  readonly closing: AbortSignal;
}
