import { readlinkSync } from 'node:fs';
import { ownerOf } from './cgroup-objects.ts';
import type { FoundCgroup } from './find-cgroups.ts';
import type { FoundObject } from './found-object.ts';
import { isGone, linkIfThere, listIfThere } from './if-there.ts';

/** A link of /proc that shows a namespace, and the cgroup of the process that has it. */
interface Sight {
  readonly link: string;
  readonly cgroup: FoundCgroup;
}

/**
 * Mount and network namespaces: those that a process of ours is in, and those that the zygote holds ready for the next
 * sandboxes; each once. With a mount namespace stand all mounts in it: those of a sandbox's root are nowhere else. This
 * process's own are the host's.
 */
export async function namespaceObjects(cgroups: readonly FoundCgroup[]): Promise<FoundObject[]> {
  const objects = new Map<string, FoundObject>();
  const own = [await linkIfThere('/proc/self/ns/mnt'), await linkIfThere('/proc/self/ns/net')];
  const look = async (sight: Sight): Promise<void> => {
    const name = await linkIfThere(sight.link);
    if (name !== null && !own.includes(name) && !objects.has(name)) addIfCounted(objects, name, sight);
  };
  const members = membersOf(cgroups);
  for (const [pid, cgroup] of members) {
    await look({ link: `/proc/${pid}/ns/mnt`, cgroup });
    await look({ link: `/proc/${pid}/ns/net`, cgroup });
  }
  // Last: the zygote may still hold what it has just given to a sandbox.
  for (const [pid, cgroup] of members) {
    if (ownerOf(cgroup).need !== 'runtime') continue;
    for (const { name } of (await listIfThere(`/proc/${pid}/fd`)) ?? [])
      await look({ link: `/proc/${pid}/fd/${name}`, cgroup });
  }
  return [...objects.values()];
}

/** Each process once, with a cgroup that it is in. */
function membersOf(cgroups: readonly FoundCgroup[]): Map<number, FoundCgroup> {
  const members = new Map<number, FoundCgroup>();
  for (const cgroup of cgroups) for (const pid of cgroup.pids) members.set(pid, cgroup);
  return members;
}

function addIfCounted(objects: Map<string, FoundObject>, name: string, { link, cgroup }: Sight): void {
  const isThere = (): boolean => isLinkNow(link, name);
  const owner = ownerOf(cgroup);
  if (name.startsWith('mnt:['))
    objects.set(name, { kind: 'mount', what: `mount namespace ${name}`, ...owner, isThere });
  if (name.startsWith('net:[')) objects.set(name, { kind: 'netns', what: name, ...owner, isThere });
}

function isLinkNow(path: string, target: string): boolean {
  try {
    return readlinkSync(path) === target;
  } catch (error) {
    return !isGone(error);
  }
}
