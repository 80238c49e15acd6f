import { readFileSync } from 'node:fs';
import { CgroupDirectory, errnoOf } from './cgroup-directory.ts';
import { CgroupError } from './cgroup-error.ts';
import { isGone } from './cgroup-tree.ts';
import { parseOwnCgroups, pathBelowMount } from './own-cgroups.ts';

/** A mounted v1 freezer hierarchy. */
export interface V1Freezer {
  /** Where it is mounted. */
  readonly mount: string;
  /** The directory of the hierarchy that the mount shows. */
  readonly root: string;
}

/** A process that v1's freezer holds and that could not be taken out of it. */
export interface HeldProcess {
  readonly pid: number;
  /** Its freezer cgroup, as /proc/<pid>/cgroup shows it. */
  readonly cgroup: string;
}

/**
 * Takes processes that are to die out of v1 freezer cgroups, and returns those it could not take out.
 *
 * Unlike v2's, the v1 freezer lets not even SIGKILL through until it thaws. Each such process is moved to the nearest
 * ancestor that is not frozen: it alone thaws, whoever else is in that freezer cgroup stays as it is. With SIGKILL sent
 * before, it dies without another instruction of its own.
 *
 * @param members lists the processes. Asked again before anything is moved: a pid that was recycled in between is not among
 *   them any more, and one that is frozen cannot be recycled.
 */
export function releaseFromV1Freezer(freezer: V1Freezer, members: () => readonly number[]): HeldProcess[] {
  const hierarchy = new CgroupDirectory(freezer.mount);
  try {
    // The common case: nobody uses this hierarchy, so nobody is asked where he is.
    if (hierarchy.children('.').length === 0 && freezer.root === '/') return [];
    const frozen = members().flatMap((pid) => {
      const cgroup = freezerCgroupOf(pid);
      return cgroup !== null && isFrozen(hierarchy, pathBelowMount(cgroup, freezer.root)) ? [{ pid, cgroup }] : [];
    });
    if (frozen.length === 0) return [];
    const ours = new Set(members());
    return frozen.filter(({ pid, cgroup }) => ours.has(pid) && !moveOut(hierarchy, freezer, pid, cgroup));
  } finally {
    hierarchy.close();
  }
}

/** For an error's text; empty when nothing is held. */
export function describeHeld(held: readonly HeldProcess[]): string {
  if (held.length === 0) return '';
  const each = held.map(({ pid, cgroup }) => `${pid} in ${cgroup}`).join(', ');
  return `; the v1 freezer holds ${each}: write THAWED to its freezer.state`;
}

export function heldByFreezer(path: string, held: readonly HeldProcess[]): CgroupError {
  return new CgroupError({
    code: 'ERR_CGROUP_FROZEN',
    step: 'kill',
    pids: held.map(({ pid }) => pid),
    text: `"${path}" was killed, but not all of it can die${describeHeld(held)}`,
  });
}

function freezerCgroupOf(pid: number): string | null {
  try {
    return parseOwnCgroups(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).byController.get('freezer') ?? null;
  } catch (error) {
    // ENOENT and ESRCH: dead, so nothing holds it.
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ESRCH') return null;
    throw error;
  }
}

/** A cgroup that this mount does not show counts as frozen, so that its process is named and not forgotten. */
function isFrozen(hierarchy: CgroupDirectory, path: string | null): boolean {
  if (path === null) return true;
  try {
    return hierarchy.read(fileIn(path, 'freezer.state')).trim() !== 'THAWED';
  } catch (error) {
    // The root of the hierarchy has no state. Any other was removed, which takes an empty cgroup: the process is elsewhere or dead.
    if (isGone(error)) return false;
    throw error;
  }
}

function moveOut(hierarchy: CgroupDirectory, freezer: V1Freezer, pid: number, cgroup: string): boolean {
  const below = pathBelowMount(cgroup, freezer.root);
  if (below === null) return false;
  let path = below;
  while (isFrozen(hierarchy, path)) {
    // All that this mount shows is frozen, as in a container that was paused from outside.
    if (path === '/') return false;
    path = path.slice(0, path.lastIndexOf('/')) || '/';
  }
  try {
    hierarchy.write(fileIn(path, 'cgroup.procs'), String(pid));
    return true;
  } catch (error) {
    // ESRCH: it died by itself. Anything else (EACCES, EPERM): not ours to move.
    return error instanceof CgroupError && error.errno === 'ESRCH';
  }
}

function fileIn(path: string, file: string): string {
  return path === '/' ? file : `${path.slice(1)}/${file}`;
}
