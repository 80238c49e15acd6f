import { fstatSync, readlinkSync } from 'node:fs';
import { join, sep } from 'node:path';
import { parseMountinfo } from '@hatchery/cgroup';
import type { FoundObject, Need } from './found-object.ts';
import { isGone, linkIfThere, listIfThere, readIfThere } from './if-there.ts';
import { idBelow } from './mount-objects.ts';
import type { CensusScope } from './scope.ts';

/** What the runtime knows of this process's descriptors. */
export interface KnownDescriptors {
  /** Those in the hands of this thread's addon, whatever they are of. */
  readonly registered: ReadonlySet<number>;
  /** Those that a sandbox in the table holds, with its id. */
  readonly claimed: ReadonlyMap<number, string>;
  /**
   * Every root that this process may hold is claimed: nothing is being made or removed, none waits to be unmounted, and no other runtime is open in
   * it. Then a root that nobody claims is a leak.
   */
  readonly rootsAreClaimed: boolean;
  /** Of network slots that wait for the next sandboxes. */
  readonly readyNetns: ReadonlySet<number>;
  /** No sandbox is being made with a network slot, whose namespace is held until its init is in it: then nobody holds one. */
  readonly netnsAreClaimed: boolean;
}

/** A descriptor of this process, as it was when it was looked at. */
export interface FoundDescriptor {
  readonly fd: number;
  readonly link: string;
  /** A directory in a mount that is not in the host's tree: one of a sandbox's, or one that is attached nowhere. */
  readonly isElsewhere: boolean;
}

export async function findDescriptors(): Promise<FoundDescriptor[]> {
  const mounts = parseMountinfo((await readIfThere('/proc/self/mountinfo')) ?? '');
  const inHost = new Set(mounts.map(({ id }) => id));
  const found: FoundDescriptor[] = [];
  for (const { name } of (await listIfThere('/proc/self/fd')) ?? []) {
    const link = await linkIfThere(`/proc/self/fd/${name}`);
    if (link === null) continue;
    const fd = Number(name);
    const facts = link.startsWith('/') ? await readIfThere(`/proc/self/fdinfo/${fd}`) : null;
    const mount = /^mnt_id:\t(\d+)$/m.exec(facts ?? '')?.[1];
    const isElsewhere = mount !== undefined && !inHost.has(Number(mount)) && isDirectory(fd);
    found.push({ fd, link, isElsewhere });
  }
  return found;
}

/**
 * Those that are of the instance by what they lead to (its directories, its cgroups), that a sandbox claims, or that the
 * addon holds. Sockets and pipes that Node holds cannot be told from the application's. Numbers are used again at once: so
 * this is asked at the verdict, with what is known then.
 */
export function descriptorObjects(
  found: readonly FoundDescriptor[],
  scope: CensusScope,
  known: KnownDescriptors,
): FoundObject[] {
  return found.flatMap((descriptor) => {
    const { fd, link } = descriptor;
    const owner = ownerOf(fd, link.replace(/ \(deleted\)$/, ''), scope, known);
    const isThere = (): boolean => isOpenAs(descriptor);
    if (owner !== null) return [{ kind: 'fd', what: `${fd} -> ${link}`, ...owner, isThere }];
    return known.registered.has(fd) ? [registeredObject(descriptor, known)] : [];
  });
}

/** null: what it leads to says nothing, and nobody claims it. */
function ownerOf(
  fd: number,
  path: string,
  scope: CensusScope,
  known: KnownDescriptors,
): { sandboxId: string | null; need: Need } | null {
  const claimedBy = known.claimed.get(fd);
  if (claimedBy !== undefined) return { sandboxId: claimedBy, need: 'processes' };
  const parents = [join(scope.instanceDirectory, 'sandboxes'), scope.disksDirectory, ...scope.cgroupBases];
  for (const parent of parents) {
    const id = idBelow(parent, path);
    if (id === '@zygote') return { sandboxId: null, need: 'runtime' };
    if (id !== null) return { sandboxId: id, need: 'processes' };
  }
  const isBase = scope.cgroupBases.includes(path) || path.startsWith(scope.instanceDirectory + sep);
  return isBase ? { sandboxId: null, need: 'runtime' } : null;
}

function registeredObject(descriptor: FoundDescriptor, known: KnownDescriptors): FoundObject {
  const { rootsAreClaimed, netnsAreClaimed, readyNetns } = known;
  const { fd, link, isElsewhere } = descriptor;
  const isThere = (): boolean => isOpenAs(descriptor);
  const object = { what: `${fd} -> ${link}`, sandboxId: null, isThere } as const;
  if (link.startsWith('net:['))
    return { ...object, kind: 'netns', need: netnsAreClaimed && !readyNetns.has(fd) ? 'nobody' : 'runtime' };
  if (rootsAreClaimed && isElsewhere)
    return { ...object, kind: 'fd', what: `${object.what}, a root that no sandbox has`, need: 'nobody' };
  return { ...object, kind: 'fd', need: 'runtime' };
}

function isDirectory(fd: number): boolean {
  try {
    return fstatSync(fd).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBADF') return false;
    throw error;
  }
}

function isOpenAs({ fd, link, isElsewhere }: FoundDescriptor): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === link && (!isElsewhere || isDirectory(fd));
  } catch (error) {
    return !isGone(error);
  }
}
