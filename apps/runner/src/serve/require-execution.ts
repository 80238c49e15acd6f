import type { Execution } from '@hatchery/runtime';
import { requireSandbox, type ServeContext } from './context.ts';
import { ServeError } from './error-response.ts';

/** Throws ERR_SANDBOX_NOT_FOUND, ERR_EXECUTION_NOT_FOUND. */
export function requireExecution(context: ServeContext, sandboxId: string, id: string): Execution {
  const execution = requireSandbox(context, sandboxId).execution(id);
  if (execution !== undefined) return execution;
  throw new ServeError(
    'ERR_EXECUTION_NOT_FOUND',
    `execution ${id}: sandbox ${sandboxId} has none of that id, or its output is no longer kept; see hatchery ps ${sandboxId}`,
  );
}
