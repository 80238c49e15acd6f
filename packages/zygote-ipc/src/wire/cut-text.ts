/**
 * The longest well-formed start of `text` that has at most `max` bytes as UTF-8; lone surrogates become U+FFFD and NUL
 * becomes `?`.
 */
export function cutText(text: string, max: number): string {
  // One UTF-16 unit is at least one byte, so what is behind `max` units never fits; a giant text is not copied.
  let cut = text.slice(0, max).toWellFormed().replaceAll('\0', '?');
  if (cut.length * 3 <= max) return cut;
  const bytes = Buffer.from(cut, 'utf8');
  if (bytes.length <= max) return cut;
  let end = max;
  while (end > 0 && (bytes.readUInt8(end) & 0xc0) === 0x80) end--;
  cut = bytes.toString('utf8', 0, end);
  return cut;
}
