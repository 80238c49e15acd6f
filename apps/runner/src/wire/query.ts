import { decodeFileName, encodeFileName } from '@hatchery/linux';

/** What a query says, as text; a name may hold any byte but NUL. */
export type Query = Readonly<Partial<Record<string, string>>>;

/** A query that leaves out what is undefined. Each byte that is not plain crosses as `%XX`, those of no character too. */
export function formatQuery(values: Readonly<Record<string, string | number | undefined>>): string {
  const pairs = Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${escapeBytes(encodeFileName(String(value)))}`],
  );
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

/** Of the same key the last one counts. Never throws: what is no `%XX` is what it looks like. */
export function parseQuery(text: string): Query {
  const pairs = text.split('&').map((pair): [string, string] => {
    const equals = pair.indexOf('=');
    if (equals === -1) return [unescapeBytes(pair), ''];
    return [unescapeBytes(pair.slice(0, equals)), unescapeBytes(pair.slice(equals + 1))];
  });
  // fromEntries defines even a key named __proto__ as data.
  return Object.fromEntries(pairs);
}

function escapeBytes(bytes: Buffer): string {
  let text = '';
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    text += /[\w./~-]/.test(character) ? character : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`;
  }
  return text;
}

function unescapeBytes(text: string): string {
  const bytes = Buffer.from(text.replaceAll('+', ' '));
  if (!bytes.includes(0x25)) return decodeFileName(bytes);
  const parts: number[] = [];
  for (let at = 0; at < bytes.length; at += 1) {
    const hex = bytes[at] === 0x25 ? bytes.toString('latin1', at + 1, at + 3) : '';
    const isEscape = /^[\da-f]{2}$/i.test(hex);
    parts.push(isEscape ? Number.parseInt(hex, 16) : (bytes[at] ?? 0));
    if (isEscape) at += 2;
  }
  return decodeFileName(Uint8Array.from(parts));
}
