import type { Logger, Runtime, Sandbox } from '@hatchery/runtime';
import { HatcheryError } from '@hatchery/runtime';
import type { ExecSession } from './exec-session.ts';
import type { KnownExecutions } from './known-executions.ts';
import type { Metrics } from './metrics/metrics.ts';

/** What the routes of one server share. */
export interface ServeContext {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly executions: KnownExecutions;
  readonly metrics: Metrics;
  /** Clients that are attached to an execution. */
  readonly sessions: Set<ExecSession>;
  /** Fires when the server ends: streams that have no end of their own end then. */
  readonly closing: AbortSignal;
}

/** Throws ERR_SANDBOX_NOT_FOUND. */
export function requireSandbox({ runtime }: ServeContext, id: string): Sandbox {
  const sandbox = runtime.get(id);
  if (sandbox !== undefined) return sandbox;
  throw new HatcheryError('ERR_SANDBOX_NOT_FOUND', `sandbox ${id}: there is none of that id; see hatchery ps`);
}
