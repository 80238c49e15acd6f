import { monotonicMs } from '../monotonic.ts';
import type { LiveExecution } from './execution.ts';

/** When an execution's tree is ended. */
export interface ExecutionDeadline {
  /** On CLOCK_MONOTONIC; null: never. */
  readonly atMs: number | null;
  readonly killGraceMs: number;
  readonly signal: AbortSignal | null;
}

/** Ends an execution's tree at its deadline (SIGTERM, grace, SIGKILL) or when its signal is aborted (SIGKILL). */
export function enforceDeadline(execution: LiveExecution, { atMs, killGraceMs, signal }: ExecutionDeadline): void {
  let timer: NodeJS.Timeout | null = null;
  const onAbort = (): void => execution.signalTree('SIGKILL', null);
  if (atMs !== null) {
    timer = setTimeout(
      () => {
        execution.signalTree('SIGTERM', 'timeout');
        timer = setTimeout(() => execution.signalTree('SIGKILL', 'timeout'), killGraceMs);
      },
      Math.max(0, atMs - monotonicMs()),
    );
  }
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  // At the exit and not when it is published: what it left behind is nobody's to end.
  execution.onEnded(() => {
    if (timer !== null) clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  });
}
