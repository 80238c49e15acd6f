import type { HostedSandbox } from '../hosted/hosted-sandbox.ts';
import { isSameToken } from '../tokens/is-same-token.ts';
import type { Request, Target } from './exchange.ts';
import { hopByHop, pairsOf } from './header-pairs.ts';

/** Ours: they say where a request goes, and that it may. And what only we may say, being the first who knows it. */
const ours: ReadonlySet<string> = new Set([
  'host',
  'e2b-sandbox-id',
  'e2b-sandbox-port',
  'e2b-traffic-access-token',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-proto',
  'x-real-ip',
  // We have answered it.
  'expect',
]);

const apiKey = /\be2b_[0-9a-f]{40}\b/;

/** What a sandbox's server gets as headers, in the order in which they came. */
export function requestHeaders(
  request: Request,
  hosted: HostedSandbox,
  target: Target,
  upgrade: string | null,
): string[] {
  const asked = request.headers[':authority'] ?? request.headers.host ?? '';
  const host = Array.isArray(asked) ? (asked[0] ?? '') : asked;
  const { maskRequestHost } = hosted.details;
  const dropped = hopByHop(request.headers.connection);
  const headers = ['Host', maskRequestHost?.replaceAll('${PORT}', String(target.port)) ?? host];
  const crumbs: string[] = [];
  for (const [name, value] of pairsOf(request.rawHeaders)) {
    const lower = name.toLowerCase();
    // HTTP/2 may send a cookie in pieces, HTTP/1.1 has one line for them (RFC 9113, 8.2.3).
    if (lower === 'cookie') crumbs.push(value);
    else if (!lower.startsWith(':') && !ours.has(lower) && !dropped.has(lower) && !isSecret(lower, value, hosted))
      headers.push(name, value);
  }
  if (crumbs.length > 0) headers.push('Cookie', crumbs.join('; '));
  headers.push('X-Forwarded-For', request.socket.remoteAddress ?? '');
  headers.push('X-Forwarded-Host', host, 'X-Forwarded-Proto', 'encrypted' in request.socket ? 'https' : 'http');
  if (target.prefix !== '') headers.push('X-Forwarded-Prefix', target.prefix);
  if (upgrade !== null) headers.push('Connection', 'Upgrade', 'Upgrade', upgrade);
  else if (hasBody(request) && request.headers['content-length'] === undefined)
    headers.push('Transfer-Encoding', 'chunked');
  return headers;
}

/** Whether something follows the headers, be it nothing. */
export function hasBody(request: Request): boolean {
  if ('stream' in request) return !request.stream.endAfterHeaders;
  return request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
}

/**
 * Keys of this server and the sandbox's own token are for us, and no program in a sandbox is to have them. They are known by
 * their values: a program may well have an X-API-Key of its own.
 */
function isSecret(lower: string, value: string, { envdToken }: HostedSandbox): boolean {
  if (lower === 'x-access-token') return envdToken !== null && isSameToken(value, envdToken);
  return (lower === 'x-api-key' || lower === 'authorization') && apiKey.test(value);
}
