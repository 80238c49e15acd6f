import { BoxError } from './box-error.ts';

/** A key of a query that is true or false; left out: false. Throws invalid_argument. */
export function readFlag(name: string, given: string | null): boolean {
  if (given === null || given === 'false') return false;
  if (given === 'true') return true;
  throw new BoxError('invalid_argument', `${name} must be true or false`);
}
