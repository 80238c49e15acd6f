/** Where a process stands: its path in the v2 hierarchy and in each v1 hierarchy, by controller. */
export interface OwnCgroups {
  readonly unified: string | null;
  readonly byController: ReadonlyMap<string, string>;
}

/** Parses `/proc/<pid>/cgroup` (cgroups(7)): `id:controllers:path`, with `0::path` for v2. */
export function parseOwnCgroups(text: string): OwnCgroups {
  let unified: string | null = null;
  const byController = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^(\d+):([^:]*):(.*)$/.exec(line);
    if (match === null) continue;
    const [, id, names = '', path = '/'] = match;
    if (id === '0' && names === '') unified = path;
    for (const name of names.split(',')) if (name !== '') byController.set(name, path);
  }
  return { unified, byController };
}

/**
 * A path as /proc/self/cgroup shows it, as a path below a mount whose root is `mountRoot`. Null when the mount
 * does not show it: a container that sees only its own part, or a process outside our cgroup namespace (`/..`).
 */
export function pathBelowMount(path: string, mountRoot: string): string | null {
  if (path.split('/').includes('..') || mountRoot.split('/').includes('..')) return null;
  if (mountRoot === '/') return path;
  if (path === mountRoot) return '/';
  return path.startsWith(`${mountRoot}/`) ? path.slice(mountRoot.length) : null;
}
