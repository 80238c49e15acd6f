export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * The one range of a `Range` header (RFC 9110, 14.2). null: everything is to be sent, as where there is none, where it is
 * not understood, or where there are several, which a server may do. `unsatisfiable`: it begins behind the end.
 */
export function byteRangeOf(header: string | undefined, size: number): ByteRange | 'unsatisfiable' | null {
  const [, first, last] = /^bytes=\s*(\d{0,16})-(\d{0,16})\s*$/.exec(header ?? '') ?? [];
  // Of nothing at all there is no part; some clients ask for one of every file.
  if (first === undefined || last === undefined || size === 0) return null;
  if (first === '') return last === '' ? null : suffix(Number(last), size);
  const offset = Number(first);
  const end = last === '' ? size : Math.min(Number(last) + 1, size);
  if (last !== '' && Number(last) < offset) return null;
  return offset >= size ? 'unsatisfiable' : { offset, length: end - offset };
}

function suffix(wanted: number, size: number): ByteRange | 'unsatisfiable' {
  const length = Math.min(wanted, size);
  return length === 0 ? 'unsatisfiable' : { offset: size - length, length };
}
