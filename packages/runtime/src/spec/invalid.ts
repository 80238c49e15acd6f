import { inspect } from 'node:util';
import { HatcheryError } from '../errors.ts';

/** An option has a value that no sandbox can have. */
export function invalid(option: string, value: unknown, expected: string): HatcheryError {
  return new HatcheryError('ERR_SPEC_INVALID', `${option} is ${quote(value)}; it must be ${expected}`);
}

/** An option exists in the API but not in this version. */
export function notSupported(option: string, value: unknown, instead: string): HatcheryError {
  return new HatcheryError('ERR_NOT_SUPPORTED', `${option}: ${quote(value)} is not in this version; ${instead}`);
}

/** The value as a reader may see it: on one line, cut, and never running the caller's own inspect code. */
export function quote(value: unknown): string {
  const options = { depth: 1, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 120, maxArrayLength: 8 };
  // What inspect still breaks are stacks and sparse structures.
  const text = inspect(value, { ...options, compact: true, customInspect: false }).replaceAll(/\s*\n\s*/g, ' ');
  return text.slice(0, 200);
}
