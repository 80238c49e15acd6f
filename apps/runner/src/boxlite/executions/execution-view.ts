import type { ExitStatus } from '@hatchery/runtime';
import { exitCodeOfStatus } from '../../exit-code.ts';
import type { BoxExecution } from './box-execution.ts';

type View = Readonly<Record<string, unknown>>;

/** ExecutionInfo. */
export function executionView({ id, status, startedAt, endedAt }: BoxExecution): View {
  const started = startedAt === null ? {} : { started_at: startedAt.toISOString() };
  const base = { execution_id: id, ...started };
  if (status === null) return { ...base, status: 'running' };
  const took = startedAt === null || endedAt === null ? {} : { duration_ms: endedAt.getTime() - startedAt.getTime() };
  return { ...base, status: wordOf(status), exit_code: exitCodeOfStatus(status), ...took, ...whyOf(status) };
}

function wordOf({ reason }: ExitStatus): 'completed' | 'killed' | 'timed_out' {
  if (reason === 'exited') return 'completed';
  return reason === 'timeout' ? 'timed_out' : 'killed';
}

function whyOf({ reason, signal }: ExitStatus): { error_message?: string } {
  if (reason === 'timeout') return { error_message: 'its time was up' };
  if (reason === 'out-of-memory') return { error_message: 'the box was out of memory' };
  return signal === null ? {} : { error_message: `it was ended by ${signal}` };
}
