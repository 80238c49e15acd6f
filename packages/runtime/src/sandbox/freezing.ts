import { CgroupError } from '@hatchery/cgroup';
import { HatcheryError } from '../errors.ts';
import type { Lifecycle } from './lifecycle.ts';

/** Init answers in microseconds and the kernel freezes in milliseconds; whoever takes so long hangs. */
const freezeDeadlineMs = 10_000;

/**
 * Freezes the work of a sandbox. Through its init, which then starts nothing: a command that is born into a frozen cgroup
 * would stall before its execve, and init with it. Rejects when it could not be done; `thaw` then takes it back.
 * @param signal of the sandbox's end, which waits for nobody
 */
export async function freeze(lifecycle: Lifecycle, signal: AbortSignal): Promise<void> {
  await abortable(lifecycle.startsSettled(), signal);
  await lifecycle.connection.pause({ timeoutMs: freezeDeadlineMs, signal });
  await lifecycle.cgroup.freeze({ timeoutMs: freezeDeadlineMs, signal });
}

/** Lets the work of a sandbox go on, and its init start commands again. */
export async function thaw(lifecycle: Lifecycle, signal: AbortSignal): Promise<void> {
  await lifecycle.cgroup.thaw({ timeoutMs: freezeDeadlineMs, signal });
  await lifecycle.connection.resumeWork({ timeoutMs: freezeDeadlineMs, signal });
}

export function freezingError(what: string, id: string, state: string, cause: unknown): HatcheryError {
  if (cause instanceof HatcheryError) return cause;
  const happened = cause instanceof Error ? cause.message : String(cause);
  const step = cause instanceof CgroupError ? cause.step : null;
  const text = `${what} of sandbox ${id}: ${happened}; it is ${state} as before; try again or destroy it`;
  return new HatcheryError('ERR_SANDBOX_PAUSE', text, { step, cause });
}

function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
