/** Headers about a connection and not about what is sent over it (RFC 9110, 7.6.1), and who is asked by whom. */
const always: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** What is never passed on, in lower case: the above and what the header Connection names. */
export function hopByHop(connection: string | undefined): ReadonlySet<string> {
  const named = (connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  // Whoever names the length there would change what the next one takes for the body.
  return new Set([...always, ...named.filter((name) => name !== 'content-length')]);
}

/** Names and values from a list in which they take turns. */
export function* pairsOf(rawHeaders: readonly string[]): Generator<readonly [name: string, value: string]> {
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) yield [rawHeaders[at] ?? '', rawHeaders[at + 1] ?? ''];
}
