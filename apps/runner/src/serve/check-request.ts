import type { IncomingMessage } from 'node:http';

/** Far more than clients and browsers send. Node would drop the last ones without a word. */
const maxHeaders = 100;

/**
 * Why a request is answered with 400 whatever it asks for, or null. Node's parser takes all of these, and a proxy in front
 * of us may read each of them in another way than we do: that is how a request comes past a rule (RFC 9112, 11.2).
 */
export function whyRefused(request: IncomingMessage): string | null {
  const { httpVersion, rawHeaders, url = '' } = request;
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 'only HTTP/1.1 and HTTP/1.0 are spoken here';
  if (rawHeaders.length > 2 * maxHeaders) return `more than ${maxHeaders} headers`;
  if (countOf('host', rawHeaders) > 1) return 'more than one Host header';
  if (url === '*') return request.method === 'OPTIONS' ? null : 'the target "*" is for OPTIONS only';
  if (!url.startsWith('/')) return 'the target must be a path, as "/health"';
  if (url.startsWith('//')) return 'the path must not begin with "//"';
  // %00 ends a path for whoever hands it to C.
  if (/%00|[^\x21-\x7e]/.test(url)) return 'the target holds a character that no path has';
  return null;
}

function countOf(name: string, rawHeaders: readonly string[]): number {
  return rawHeaders.filter((word, index) => index % 2 === 0 && word.toLowerCase() === name).length;
}
