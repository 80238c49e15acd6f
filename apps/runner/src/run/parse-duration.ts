import { CliError } from '../cli-error.ts';

const unitMs = { '': 1, ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** setTimeout's longest delay. */
const maxMs = 24 * 86_400_000;

/** Milliseconds of `500ms`, `5s`, `1.5m`, `1h`; a plain number is milliseconds. */
export function parseDuration(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|)$/i.exec(text);
  const unit = match?.[2]?.toLowerCase() as keyof typeof unitMs | undefined;
  const ms = match === null || unit === undefined ? Number.NaN : Math.ceil(Number(match[1]) * unitMs[unit]);
  if (ms > maxMs) throw new CliError('ERR_SPEC_INVALID', `${flag}: "${text}" is more than 24 days`);
  if (Number.isSafeInteger(ms) && ms > 0) return ms;
  throw new CliError(
    'ERR_SPEC_INVALID',
    `${flag}: "${text}" is not a duration; write 500ms, 5s, 1m or a number of milliseconds`,
  );
}
