import type { CompiledExec } from '../spec/exec-options.ts';
import type { LiveExecution } from './execution.ts';

/** Ends an execution's tree at its timeout (SIGTERM, grace, SIGKILL) or when its signal is aborted (SIGKILL). */
export function enforceDeadline(execution: LiveExecution, { timeoutMs, killGraceMs, signal }: CompiledExec): void {
  let timer: NodeJS.Timeout | null = null;
  const onAbort = (): void => execution.signalTree('SIGKILL', null);
  if (timeoutMs !== null) {
    timer = setTimeout(() => {
      execution.signalTree('SIGTERM', 'timeout');
      timer = setTimeout(() => execution.signalTree('SIGKILL', 'timeout'), killGraceMs);
    }, timeoutMs);
  }
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  // At the exit and not when it is published: what it left behind is nobody's to end.
  execution.onEnded(() => {
    if (timer !== null) clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  });
}
