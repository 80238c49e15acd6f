import { QueueError } from './queue-error.ts';

/** Of `push`. */
export interface PushOptions {
  /** Ends the wait for space: the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Of `drain`. */
export interface DrainOptions {
  /** At most so many events; without it as many as were there when the drain began, so that every drain ends. */
  readonly max?: number | undefined;
}

/** Of `drainWait`. */
export interface DrainWaitOptions extends DrainOptions {
  /** Milliseconds to wait for a first event, up to 2147483647; without it as long as it takes. */
  readonly timeoutMs?: number | undefined;
  /** Ends the wait: the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Longest delay that a Node timer keeps; a longer one would fire at once. */
export const MAX_TIMER_MS = 2_147_483_647;

function refuse(step: string, name: string, wanted: string, value: unknown): never {
  throw new QueueError('ERR_QUEUE_ARGUMENT', step, `${name} must be ${wanted}, not ${describe(value)}`);
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  return typeof value === 'object' && value !== null
    ? `an object (${value.constructor?.name ?? 'no class'})`
    : String(value);
}

export function checkSignal(step: string, signal: AbortSignal | undefined): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) refuse(step, 'signal', 'an AbortSignal', signal);
}

export function checkHandler(step: string, handler: unknown): void {
  if (typeof handler !== 'function') refuse(step, 'handler', 'a function', handler);
}

export function checkMax(step: string, max: number | undefined): void {
  if (max !== undefined && max !== Infinity && !(Number.isSafeInteger(max) && max >= 0))
    refuse(step, 'max', 'a whole number of events, 0 or more', max);
}

export function checkTimeout(step: string, timeoutMs: number | undefined): void {
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs >= 0 && timeoutMs <= MAX_TIMER_MS))
    refuse(step, 'timeoutMs', `milliseconds from 0 to ${MAX_TIMER_MS}`, timeoutMs);
}

export function checkCount(step: string, name: string, value: number, least: number, most: number): void {
  if (!(Number.isSafeInteger(value) && value >= least && value <= most))
    refuse(step, name, `a whole number from ${least} to ${most}`, value);
}
