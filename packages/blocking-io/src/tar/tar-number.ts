import { invalid } from './archive-fault.ts';

const OCTAL = /^ *([0-7]*)[ \0]*$/;
const BASE_256 = 0x80;
const NEGATIVE = 0x40;

/**
 * A number field of a header: octal digits, or GNU's base 256 when the first bit is set. Blank is 0. What no double holds
 * exactly is refused, as no kernel has such a size, owner or date.
 */
export function readNumber(field: Buffer, what: string): number {
  const first = field[0] as number;
  if ((first & BASE_256) !== 0) return readBase256(field, what);
  const digits = OCTAL.exec(field.toString('latin1'))?.[1];
  if (digits === undefined) throw invalid(`its ${what} is no number`);
  return checkExact(digits === '' ? 0 : Number.parseInt(digits, 8), what);
}

function readBase256(field: Buffer, what: string): number {
  const first = field[0] as number;
  let value = BigInt(first & (NEGATIVE - 1));
  for (const byte of field.subarray(1)) value = (value << 8n) | BigInt(byte);
  if ((first & NEGATIVE) !== 0) value -= 1n << BigInt(8 * field.length - 2);
  return checkExact(Number(value), what);
}

function checkExact(value: number, what: string): number {
  if (!Number.isSafeInteger(value)) throw invalid(`its ${what} is beyond what is possible`);
  return value;
}

const DECIMAL = /^-?\d{1,16}$/;

/** A number of a PAX record. */
export function readDecimal(value: Buffer, what: string): number {
  const text = value.toString('latin1');
  if (!DECIMAL.test(text)) throw invalid(`its ${what} is no number`);
  return checkExact(Number(text), what);
}

const TIME = /^(-?)(\d{1,12})(?:\.(\d*))?$/;

/** A time of a PAX record, seconds with a fraction, in nanoseconds; what is finer is cut off. */
export function readTime(value: Buffer): bigint {
  const [, sign, seconds, fraction = ''] = TIME.exec(value.toString('latin1')) ?? [];
  if (seconds === undefined) throw invalid('its mtime is no time');
  const ns = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  return sign === '-' ? -ns : ns;
}

/** As `readTime` reads it; without a fraction where there is none. */
export function timeText(ns: bigint): string {
  const magnitude = ns < 0n ? -ns : ns;
  const fraction = String(magnitude % 1_000_000_000n).padStart(9, '0');
  const seconds = `${ns < 0n ? '-' : ''}${magnitude / 1_000_000_000n}`;
  return fraction === '000000000' ? seconds : `${seconds}.${fraction}`;
}
