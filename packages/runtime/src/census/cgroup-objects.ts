import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FoundCgroup, parsePids } from './find-cgroups.ts';
import type { FoundObject, Need } from './found-object.ts';
import { isGone, isThereNow } from './if-there.ts';

/** The one leaf that the runtime makes beside its sandboxes. */
const zygoteLeaf = '@zygote';

/** Whose a cgroup is, with all that is in it. */
export function ownerOf({ owner }: FoundCgroup): { sandboxId: string | null; need: Need } {
  if (owner === null || owner === zygoteLeaf) return { sandboxId: null, need: 'runtime' };
  // No sandbox is called so.
  if (owner.startsWith('@')) return { sandboxId: null, need: 'nobody' };
  return { sandboxId: owner, need: 'processes' };
}

/** The cgroups themselves, and every process in them. */
export function cgroupObjects(cgroups: readonly FoundCgroup[]): FoundObject[] {
  return [...cgroups.map(cgroupObject), ...processObjects(cgroups)];
}

function cgroupObject(cgroup: FoundCgroup): FoundObject {
  return { kind: 'cgroup', what: cgroup.path, ...ownerOf(cgroup), isThere: () => isThereNow(cgroup.path) };
}

/** A process is in one cgroup of each hierarchy; it is one object for each owner that it is found with: one, as a rule. */
function processObjects(cgroups: readonly FoundCgroup[]): FoundObject[] {
  const objects = new Map<string, FoundObject>();
  for (const cgroup of cgroups) {
    // The base holds nobody: whoever is in it belongs to no sandbox.
    const owner = cgroup.owner === null ? ({ sandboxId: null, need: 'nobody' } as const) : ownerOf(cgroup);
    for (const pid of cgroup.pids) {
      const key = `${pid} ${cgroup.owner}`;
      const isThere = (): boolean => isMember(pid, cgroup.path);
      if (!objects.has(key)) objects.set(key, { kind: 'process', what: `${pid} in ${cgroup.path}`, ...owner, isThere });
    }
  }
  return [...objects.values()];
}

function isMember(pid: number, path: string): boolean {
  try {
    const file = join(path, 'cgroup.procs');
    return parsePids(readFileSync(file, 'latin1'), file).includes(pid);
  } catch (error) {
    return !isGone(error);
  }
}
