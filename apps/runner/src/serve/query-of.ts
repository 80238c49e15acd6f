import { ControlError } from './control-error.ts';

export function queryOf(url: string): URLSearchParams {
  const at = url.indexOf('?');
  return new URLSearchParams(at === -1 ? '' : url.slice(at + 1));
}

/** null: not given. Throws 400. */
export function readInteger(name: string, given: string | null, least: number, most: number): number | null {
  if (given === null || given === '') return null;
  const value = /^\d{1,16}$/.test(given) ? Number(given) : Number.NaN;
  if (!(value >= least && value <= most))
    throw new ControlError(400, `${name} must be a whole number from ${least} to ${most}`);
  return value;
}
