import { ControlError } from '../../serve/control-error.ts';

/** What this API has and hatchery does not: told as such, never as an empty success. */
export function notSupported(what: string, why: string): ControlError {
  return new ControlError(501, `${what} is not supported by hatchery: ${why}`);
}
