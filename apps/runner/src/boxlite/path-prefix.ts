/** What box routes begin with; a client may put a prefix of its own, of any number of segments, before it. */
const resources = new Set(['boxes', 'volumes', 'metrics', 'images', 'api-keys']);
const version = '/v1/';

/**
 * The target of a request without the client's prefix, which says nothing here: whoever has a key is of the one tenant there
 * is. It is taken verbatim, up to the first segment that is a resource; `/v1/config` and `/v1/me` never have one.
 */
export function withoutPrefix(target: string): string {
  if (!target.startsWith(version)) return target;
  const [path = ''] = target.split('?', 1);
  const segments = path.slice(version.length).split('/');
  const at = segments.findIndex((segment) => resources.has(segment));
  if (at < 1) return target;
  return `${version}${segments.slice(at).join('/')}${target.slice(path.length)}`;
}

/** Whether a target is this API's. */
export function isBoxTarget(target: string): boolean {
  return target.startsWith(version);
}
