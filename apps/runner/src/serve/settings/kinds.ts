import { parseDuration } from '../../run/parse-duration.ts';

/** What the value of a setting can be. */
export interface Kind<T> {
  /** JSON Schema of what a file, or a flag that has been read, may hold. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** Ends the sentence "give ...". */
  readonly expects: string;
  /** What a flag or a variable says, as a file would have it. */
  fromText(text: string): unknown;
  /** Throws when it cannot be after all. */
  compile(raw: unknown): T;
}

export function text(expects: string, pattern = '^[^\\0\\r\\n]+$'): Kind<string> {
  return { schema: { type: 'string', pattern }, expects, fromText: (given) => given, compile: (raw) => raw as string };
}

export function oneOf<const T extends string>(...values: readonly T[]): Kind<T> {
  const expects = values.join(' or ').replaceAll(/ or (?=.* or )/g, ', ');
  return { schema: { enum: values }, expects, fromText: (given) => given, compile: (raw) => raw as T };
}

export function integer(minimum: number, maximum: number): Kind<number> {
  const expects = `a whole number from ${minimum} to ${maximum}`;
  return {
    schema: { type: 'integer', minimum, maximum },
    expects,
    fromText: toInteger,
    compile: (raw) => raw as number,
  };
}

/** A port, or null for none. */
export const portOrNone: Kind<number | null> = {
  schema: { anyOf: [{ type: 'integer', minimum: 0, maximum: 65_535 }, { const: 'none' }] },
  expects: 'a port from 0 to 65535, or none',
  fromText: toInteger,
  compile: (raw) => (raw === 'none' ? null : (raw as number)),
};

/** In milliseconds. */
export const duration: Kind<number> = {
  schema: { anyOf: [{ type: 'integer', minimum: 1 }, { type: 'string' }] },
  expects: 'a duration such as 500ms, 10s or 5m, or a number of milliseconds',
  fromText: (given) => given,
  compile: (raw) => parseDuration('', String(raw)),
};

/** A flag of this kind has no value: that it is there says yes. */
export const toggle: Kind<boolean> = {
  schema: { type: 'boolean' },
  expects: 'true or false',
  fromText: (given) => (given === 'true' || given === '1' ? true : given === 'false' || given === '0' ? false : given),
  compile: (raw) => raw as boolean,
};

/** Text that is no number stays what it is, and is refused as such. */
function toInteger(given: string): unknown {
  return /^-?\d{1,15}$/.test(given) ? Number(given) : given;
}
