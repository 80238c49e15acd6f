import { CliError } from '../cli-error.ts';

const unitBytes = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Bytes of `512m`, `1.5g`, `64k`, `1048576`; units are powers of 1024, as docker and systemd count. */
export function parseBytes(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)([bkmgt]?)(?:i?b)?$/i.exec(text);
  const unit = match?.[2]?.toLowerCase() as keyof typeof unitBytes | undefined;
  const bytes = match === null || unit === undefined ? Number.NaN : Math.floor(Number(match[1]) * unitBytes[unit]);
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new CliError('ERR_SPEC_INVALID', `${flag}: "${text}" is not a size; write 512m, 1g or a number of bytes`);
}
