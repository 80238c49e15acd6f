import { isUtf8 } from 'node:buffer';

/** What a byte that belongs to no character becomes: a lone low surrogate, which no valid UTF-8 decodes to (PEP 383). */
const ESCAPE = 0xdc00;

/**
 * A file's name or path as a string that says every byte of it: UTF-8, where a byte that is none becomes the lone
 * surrogate U+DC00 + byte. `encodeFileName` gives the same bytes back.
 */
export function decodeFileName(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return buffer.toString('utf8');
  let text = '';
  for (let at = 0; at < buffer.length; ) {
    const length = characterLength(buffer, at);
    text += length === 0 ? String.fromCharCode(ESCAPE + (buffer[at] ?? 0)) : buffer.toString('utf8', at, at + length);
    at += Math.max(1, length);
  }
  return text;
}

/**
 * The bytes of a name that `decodeFileName` returned, and of any other string that is valid Unicode. Throws `TypeError`
 * for a NUL, which no name holds, and for a surrogate that stands for no byte.
 */
export function encodeFileName(name: string): Buffer {
  if (name.includes('\0')) throw new TypeError(`${JSON.stringify(name)} holds a NUL, which no file's name can`);
  if (name.isWellFormed()) return Buffer.from(name, 'utf8');
  const parts: Buffer[] = [];
  for (const character of name) {
    const point = character.codePointAt(0) ?? 0;
    if (point < 0xd800 || point > 0xdfff) parts.push(Buffer.from(character, 'utf8'));
    else if (point >= ESCAPE + 0x80 && point <= ESCAPE + 0xff) parts.push(Buffer.of(point - ESCAPE));
    else throw new TypeError(`${JSON.stringify(name)} holds a lone surrogate that stands for no byte of a name`);
  }
  return Buffer.concat(parts);
}

/** How many bytes the character takes that begins there; 0: none begins there. */
function characterLength(buffer: Buffer, at: number): number {
  for (let length = 1; length <= 4 && at + length <= buffer.length; length += 1)
    if (isUtf8(buffer.subarray(at, at + length))) return length;
  return 0;
}
