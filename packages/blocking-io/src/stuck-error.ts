import { PoolError } from './pool-error.ts';

export function stuckError(step: string, timeoutMs: number, replaced: boolean): PoolError {
  const next = replaced
    ? 'its thread was abandoned and another takes its place'
    : 'its thread stays taken, because no more may be abandoned';
  const text = `did not come back within ${timeoutMs} ms and may still take effect; ${next}`;
  return new PoolError({ code: 'ERR_JOB_STUCK', step, text, started: true });
}
