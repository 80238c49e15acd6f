import type { Request } from '../e2b/proxy/exchange.ts';

/** Far more than clients and browsers send. Node would drop the last ones without a word. */
const maxHeaders = 100;

/**
 * Why a request is answered with 400 whatever it asks for, or null. Node's parser takes all of these, and a proxy in front
 * of us may read each of them in another way than we do: that is how a request comes past a rule (RFC 9112, 11.2).
 */
export function whyRefused(request: Request): string | null {
  return whyHeadRefused(request) ?? whyTargetRefused(request);
}

/** The same for a request whose target is no path: CONNECT. */
export function whyHeadRefused(request: Request): string | null {
  const { httpVersion, rawHeaders } = request;
  // A line of text that says HTTP/2.0 is none.
  if (!('stream' in request) && httpVersion !== '1.1' && httpVersion !== '1.0')
    return 'only HTTP/2, HTTP/1.1 and HTTP/1.0 are spoken here';
  if (rawHeaders.length > 2 * maxHeaders) return `more than ${maxHeaders} headers`;
  return hasOneHost(rawHeaders) ? null : 'more than one Host header';
}

function whyTargetRefused({ method, url = '' }: Request): string | null {
  if (url === '*') return method === 'OPTIONS' ? null : 'the target "*" is for OPTIONS only';
  if (!url.startsWith('/')) return 'the target must be a path, as "/health"';
  if (url.startsWith('//')) return 'the path must not begin with "//"';
  // %00 ends a path for whoever hands it to C.
  if (/%00|[^\x21-\x7e]/.test(url)) return 'the target holds a character that no path has';
  return null;
}

/** HTTP/2 has a name of its own for it, and may have both if they say the same. */
function hasOneHost(rawHeaders: readonly string[]): boolean {
  const valuesOf = (name: string): string[] =>
    rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
  const hosts = valuesOf('host');
  return hosts.length <= 1 && valuesOf(':authority').every((authority) => hosts.every((host) => host === authority));
}
