import type { TerminalSize } from '../types.ts';
import { invalid } from './invalid.ts';

/** A plain options object whose keys are all known; undefined counts as empty. */
export function checkKeys(option: string, value: unknown, known: readonly string[]): void {
  if (value === undefined) return;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(option, value, 'an object');
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) throw invalid(`${option} key`, key, `one of ${known.join(', ')}`);
  }
}

/**
 * Text that the kernel takes as it is: no NUL, and no lone surrogate, which UTF-8 would silently replace.
 * @param maxBytes as UTF-8
 */
export function checkText(option: string, value: unknown, maxBytes: number = Number.POSITIVE_INFINITY): string {
  if (typeof value !== 'string') throw invalid(option, value, 'a string');
  if (value.includes('\0')) throw invalid(option, value, 'a string without NUL');
  if (!value.isWellFormed()) throw invalid(option, value, 'a string without lone surrogates');
  if (Buffer.byteLength(value) > maxBytes) throw invalid(option, value, `at most ${maxBytes} bytes long`);
  return value;
}

/** A whole number in [min, max]. */
export function checkInteger(option: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw invalid(option, value, `a whole number from ${min} to ${max}`);
  }
  return value;
}

export function checkOneOf<T extends string>(option: string, value: unknown, values: readonly T[]): T {
  const found = values.find((one) => one === value);
  if (found === undefined) throw invalid(option, value, values.map((one) => `'${one}'`).join(' or '));
  return found;
}

export function checkBoolean(option: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalid(option, value, 'true or false');
  return value;
}

/** Bytes of a path with its NUL, PATH_MAX of limits.h. */
const pathMaxBytes = 4096;

export function checkAbsolutePath(option: string, value: unknown): string {
  const path = checkText(option, value, pathMaxBytes - 1);
  if (!path.startsWith('/')) throw invalid(option, value, 'an absolute path');
  return path;
}

/** Copies a record of strings, own enumerable keys only, so that later changes by the caller do nothing. */
export function checkTexts(option: string, value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(option, value, 'an object of strings');
  }
  // fromEntries defines even a key named __proto__ as data.
  return Object.fromEntries(Object.entries(value).map(([key, text]) => [key, checkText(`${option}.${key}`, text)]));
}

/** An environment: names without `=` and NUL, values without NUL. */
export function checkEnvironment(option: string, value: unknown): Record<string, string> {
  const environment = copyEnvironment(option, value);
  for (const name of Object.keys(environment)) {
    checkText(`${option} name`, name);
    if (name === '' || name.includes('=')) throw invalid(`${option} name`, name, 'non-empty and without =');
  }
  return environment;
}

/** Values may be secrets: an error tells their kind, never what they hold. */
function copyEnvironment(option: string, value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(option, Array.isArray(value) ? '(an array)' : `(${typeof value})`, 'an object of strings');
  }
  const entries = Object.entries(value).map(([name, text]: [string, unknown]) => {
    const isFine = typeof text === 'string' && !text.includes('\0') && text.isWellFormed();
    if (!isFine)
      throw invalid(`${option}.${name}`, `(a ${typeof text}, not shown)`, 'a string without NUL and lone surrogates');
    return [name, text] as const;
  });
  return Object.fromEntries(entries);
}

/** Name, uid, uid:gid or name:group; whether it exists is asked of the sandbox, later. */
export function checkUser(option: string, value: unknown): string {
  const user = checkText(option, value, 511);
  if (!/^[^:\n]+(:[^:\n]+)?$/.test(user)) throw invalid(option, value, 'a name, uid, uid:gid or name:group');
  return user;
}

/** Columns and rows as the kernel keeps them, 16 bits each; 0 stands for unknown and is refused. */
export function checkTerminalSize(option: string, value: unknown): TerminalSize {
  checkKeys(option, value, ['columns', 'rows']);
  const { columns, rows } = (value ?? {}) as Partial<TerminalSize>;
  return {
    columns: checkInteger(`${option}.columns`, columns, 1, 65_535),
    rows: checkInteger(`${option}.rows`, rows, 1, 65_535),
  };
}
