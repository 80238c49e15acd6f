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
  // wait() never rejects without a signal of its own.
  void execution.wait().then(() => {
    if (timer !== null) clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  });
}
