import { CgroupDirectory } from './cgroup-directory.ts';
import { CgroupError } from './cgroup-error.ts';
import { isGone } from './cgroup-tree.ts';
import type { CgroupHierarchy } from './find-cgroup-host.ts';

/**
 * Where a base's path begins in each hierarchy.
 *
 * `root`: at the mount's root. `own`: below the cgroup this process stands in (see {@link CgroupBase.open}).
 */
export type CgroupAnchor = 'root' | 'own';

/** Another runner may remove the shared parent (`hatchery`) between our mkdir of it and the next one. */
const attempts = 16;

/**
 * Makes `path` below the anchor, with its parents, and opens it. `visit` sees each directory on the way, the
 * last included, before anything is made in it.
 */
export function makeBaseDirectory(
  hierarchy: CgroupHierarchy,
  anchor: CgroupAnchor,
  path: string,
  visit: (directory: CgroupDirectory) => void,
): CgroupDirectory {
  for (let attempt = 1; ; attempt++) {
    try {
      return descend(anchorPath(hierarchy, anchor), path.split('/'), visit);
    } catch (error) {
      if (!isGone(error) || attempt === attempts) throw error;
    }
  }
}

/** Removes the base and those of its parents below the anchor that are empty then. */
export function removeBaseDirectory(hierarchy: CgroupHierarchy, anchor: CgroupAnchor, path: string): void {
  const top = new CgroupDirectory(anchorPath(hierarchy, anchor));
  try {
    const parts = path.split('/');
    for (let depth = parts.length; depth > 0; depth--) {
      const name = parts.slice(0, depth).join('/');
      if (!removeOne(top, name, depth === parts.length)) return;
    }
  } finally {
    top.close();
  }
}

/** The name of one cgroup. A leading `@` marks a leaf that is no sandbox. */
export function isCgroupName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}$/.test(name);
}

export function requireCgroupName(name: string, what: string): void {
  if (isCgroupName(name)) return;
  throw new CgroupError({
    code: 'ERR_CGROUP_NAME_INVALID',
    step: `check ${what}`,
    text: `${what} is ${JSON.stringify(name)}; it must be 1 to 255 of A-Z a-z 0-9 _ . - and begin with a letter, a digit or _`,
  });
}

function descend(
  start: string,
  parts: readonly string[],
  visit: (directory: CgroupDirectory) => void,
): CgroupDirectory {
  let directory = new CgroupDirectory(start);
  try {
    visit(directory);
    for (const part of parts) {
      makeIfMissing(directory, part);
      const next = new CgroupDirectory(`${directory.path}/${part}`);
      directory.close();
      directory = next;
      visit(directory);
    }
    return directory;
  } catch (error) {
    directory.close();
    throw error;
  }
}

function makeIfMissing(directory: CgroupDirectory, name: string): void {
  try {
    directory.make(name);
  } catch (error) {
    if (!(error instanceof CgroupError) || error.errno !== 'EEXIST') throw error;
  }
}

function anchorPath(hierarchy: CgroupHierarchy, anchor: CgroupAnchor): string {
  if (anchor === 'root') return hierarchy.mount;
  if (hierarchy.own !== null) return hierarchy.own === '/' ? hierarchy.mount : hierarchy.mount + hierarchy.own;
  throw new CgroupError({
    code: 'ERR_CGROUP_UNSUPPORTED',
    step: 'find own cgroup',
    text: `the mount "${hierarchy.mount}" does not show the cgroup of this process (/proc/self/cgroup). Mount the hierarchy in this cgroup namespace, or use anchor "root"`,
  });
}

/** True when it is gone now. A parent that others still use is left to the last of them. */
function removeOne(top: CgroupDirectory, name: string, isBase: boolean): boolean {
  try {
    top.removeDirectory(name);
    return true;
  } catch (error) {
    if (isGone(error)) return true;
    if (!isBase) return false;
    throw error;
  }
}
