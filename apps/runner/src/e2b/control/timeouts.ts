import { ControlError } from '../../serve/control-error.ts';
import type { HostedSandbox } from '../hosted/hosted-sandbox.ts';

const hourMs = 3_600_000;

/** Milliseconds of a timeout in seconds. Throws 400 unless it is above 0 and not above the longest. */
export function timeoutMs(seconds: number, maxTimeoutMs: number): number {
  if (seconds <= 0) throw new ControlError(400, 'Timeout must be greater than 0');
  return atMost(seconds, maxTimeoutMs);
}

/** Likewise for one that has been made: 0 is now. */
export function newTimeoutMs(seconds: number, maxTimeoutMs: number): number {
  if (seconds < 0) throw new ControlError(400, 'Timeout must not be less than 0');
  return atMost(seconds, maxTimeoutMs);
}

function atMost(seconds: number, maxTimeoutMs: number): number {
  if (seconds * 1000 > maxTimeoutMs)
    throw new ControlError(
      400,
      `Timeout cannot be greater than ${Math.round((maxTimeoutMs / hourMs) * 100) / 100} hours`,
    );
  return seconds * 1000;
}

/** Its time ends so much from now or later. Never earlier than it did: others may count on what they were told. */
export function extendTimeout({ sandbox }: HostedSandbox, ms: number): void {
  const { expiresAt } = sandbox;
  if (expiresAt === null || expiresAt.getTime() < Date.now() + ms) sandbox.setTimeout(ms);
}
