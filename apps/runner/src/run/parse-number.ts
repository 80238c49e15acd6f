import { CliError } from '../cli-error.ts';

/** A decimal number; its range is the runtime's to judge. */
export function parseNumber(flag: string, text: string): number {
  // Number() alone would take '', ' 1', '0x10' and 'Infinity'.
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new CliError('ERR_SPEC_INVALID', `${flag}: "${text}" is not a number`);
}
