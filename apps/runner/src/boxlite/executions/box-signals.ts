import { BoxError } from '../box-error.ts';

/** What may be sent to an execution. SIGKILL is its DELETE: there is nothing to be asked of it afterwards. */
const signals: Readonly<Record<number, NodeJS.Signals>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  6: 'SIGABRT',
  10: 'SIGUSR1',
  12: 'SIGUSR2',
  15: 'SIGTERM',
  28: 'SIGWINCH',
};

/** Throws invalid_argument for a number that may not be sent. */
export function signalOf(number: number): NodeJS.Signals {
  const signal = signals[number];
  if (signal !== undefined) return signal;
  const known = Object.keys(signals).join(', ');
  const remedy = number === 9 ? '; to kill an execution, delete it' : '';
  throw new BoxError('invalid_argument', `signal ${number} cannot be sent; ${known} can${remedy}`);
}
