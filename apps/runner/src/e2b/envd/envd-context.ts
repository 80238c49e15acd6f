import type { Logger } from '@hatchery/runtime';
import type { Metrics } from '../../serve/metrics/metrics.ts';
import type { HostedSandboxes } from '../hosted/hosted-sandboxes.ts';

/** What the parts of envd share. One envd serves every sandbox: that of a request is `hostedOf(request)`. */
export interface EnvdContext {
  readonly hosted: HostedSandboxes;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Fires when the server ends: streams that have no end of their own end then. */
  readonly closing: AbortSignal;
  /** In the run directory: what the next server must know of what runs on. null: nothing runs on. */
  readonly stateDirectory: string | null;
}
