import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { hopByHop, pairsOf } from './header-pairs.ts';

/** They speak for all of an origin, which behind a prefix is not the sandbox's alone. */
const ofOrigins = ['alt-svc', 'clear-site-data', 'service-worker-allowed', 'strict-transport-security'];

/** What of a server's answer is passed on, in its order; with a `prefix`, what leads back to the server leads there again. */
export function answerHeaders({ rawHeaders, headers, statusCode }: IncomingMessage, prefix: string): string[] {
  const dropped = new Set([
    ...hopByHop(headers.connection),
    ...(prefix === '' ? [] : ofOrigins),
    // There is nothing behind it (RFC 9110, 8.6); who believed it would take what comes next for its body.
    ...(statusCode === 204 ? ['content-length'] : []),
  ]);
  const passed: string[] = [];
  for (const [name, value] of pairsOf(rawHeaders)) {
    const lower = name.toLowerCase();
    if (!dropped.has(lower)) passed.push(name, prefix === '' ? value : prefixed(lower, value, prefix));
  }
  return passed;
}

/** The same for HTTP/2, which has no list with repetitions. */
export function asHttp2(passed: readonly string[]): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of pairsOf(passed)) {
    const lower = name.toLowerCase();
    const before = headers[lower];
    if (before === undefined) headers[lower] = value;
    else if (lower === 'set-cookie') headers[lower] = [before, value].flat();
    else headers[lower] = `${String(before)}, ${value}`;
  }
  return headers;
}

/** A path of the server's, from its root on, is behind the prefix for its client. Relative ones are right as they are. */
function prefixed(lower: string, value: string, prefix: string): string {
  if (lower === 'location') return /^\/(?!\/)/.test(value) ? `${prefix}${value}` : value;
  // Without a path a cookie is for the directory of what was asked for, which is behind the prefix already.
  if (lower === 'set-cookie')
    return value.replace(/(;\s*path=)(\/[^;]*)/i, (_, start, path) => `${start}${prefix}${path}`);
  return value;
}
