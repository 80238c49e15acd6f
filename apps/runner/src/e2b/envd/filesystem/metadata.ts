/** The extended attributes that are a file's metadata to clients, who see their names without it. */
export const metadataPrefix = 'user.e2b.';

/** From the attributes that begin so. Both are text to clients; bytes that are no UTF-8 become U+FFFD. */
export function metadataOf(attributes: Readonly<Record<string, Uint8Array>>): Record<string, string> {
  const found = Object.entries(attributes).map(([name, value]) => [
    name.slice(metadataPrefix.length).toWellFormed(),
    Buffer.from(value).toString('utf8'),
  ]);
  return Object.fromEntries(found) as Record<string, string>;
}
