import type { CgroupDirectory } from './cgroup-directory.ts';
import { CgroupError } from './cgroup-error.ts';

/** Process ids in `name` and everything below. A read that fails is an error, never an empty list. */
export function treeProcesses(base: CgroupDirectory, name: string): number[] {
  const pids = base.processes(name);
  for (const child of base.children(name)) {
    try {
      pids.push(...treeProcesses(base, `${name}/${child}`));
    } catch (error) {
      // Seen in its parent a moment ago: it was removed since, which the kernel allows only to an empty cgroup.
      if (!isGone(error) || base.has(`${name}/${child}/cgroup.procs`)) throw error;
    }
  }
  return pids;
}

/**
 * Removes `name` by plain rmdir, `parts` (children known by name) first. Only when the kernel says EBUSY is the
 * directory read for other children. Returns the error that names what is still busy, null when all is gone.
 */
export function removeTree(base: CgroupDirectory, name: string, parts: readonly string[]): CgroupError | null {
  for (const part of parts) {
    const busy = removeTree(base, `${name}/${part}`, []);
    if (busy !== null) return busy;
  }
  const busy = removeOne(base, name);
  if (busy === null) return null;
  const children = listChildren(base, name);
  if (children.length === 0) return busy;
  for (const child of children) {
    const busyChild = removeTree(base, `${name}/${child}`, []);
    if (busyChild !== null) return busyChild;
  }
  return removeOne(base, name);
}

export function isGone(error: unknown): boolean {
  return error instanceof CgroupError && error.code === 'ERR_CGROUP_GONE';
}

function removeOne(base: CgroupDirectory, name: string): CgroupError | null {
  try {
    base.removeDirectory(name);
    return null;
  } catch (error) {
    if (isGone(error)) return null;
    if (error instanceof CgroupError && error.errno === 'EBUSY') return error;
    throw error;
  }
}

function listChildren(base: CgroupDirectory, name: string): string[] {
  try {
    return base.children(name);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}
