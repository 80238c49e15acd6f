import { readFileSync } from 'node:fs';
import { sep } from 'node:path';
import { parseMountinfo } from '@hatchery/cgroup';
import type { FoundObject } from './found-object.ts';
import { isGone, listIfThere, readIfThere, unreadable } from './if-there.ts';
import type { CensusScope } from './scope.ts';

/**
 * Mounts in the host's tree, where none of ours ever is, and loop devices on roots on disk, which the kernel lets go of
 * when their filesystem is unmounted.
 */
export async function mountObjects(scope: CensusScope): Promise<FoundObject[]> {
  return [...(await hostMounts(scope)), ...(await loopDevices(scope))];
}

async function hostMounts(scope: CensusScope): Promise<FoundObject[]> {
  const mounts = parseMountinfo((await readIfThere('/proc/self/mountinfo')) ?? '');
  const ours = mounts.filter(
    ({ mountPoint }) => isWithin(scope.instanceDirectory, mountPoint) || isOnDisks(scope, mountPoint),
  );
  return ours.map(({ id, mountPoint }) => ({
    kind: 'mount',
    what: mountPoint,
    sandboxId: idBelow(`${scope.instanceDirectory}/sandboxes`, mountPoint) ?? idBelow(scope.disksDirectory, mountPoint),
    need: 'nobody',
    isThere: () =>
      readFileSync('/proc/self/mountinfo', 'latin1')
        .split('\n')
        .some((line) => line.startsWith(`${id} `)),
  }));
}

async function loopDevices(scope: CensusScope): Promise<FoundObject[]> {
  const devices = await listIfThere('/sys/block');
  if (devices === null) throw unreadable('list /sys/block', 'it is not there, so loop devices cannot be counted');
  const objects: FoundObject[] = [];
  for (const { name } of devices) {
    if (!/^loop\d+$/.test(name)) continue;
    const path = `/sys/block/${name}/loop/backing_file`;
    // Absent while nothing is attached.
    const file = backingFile(await readIfThere(path));
    if (file === null || !isOnDisks(scope, file)) continue;
    objects.push({
      kind: 'mount',
      what: `/dev/${name} on ${file}`,
      sandboxId: idBelow(scope.disksDirectory, file),
      need: 'processes',
      isThere: () => backingFile(readNow(path)) === file,
    });
  }
  return objects;
}

/** What the id is that a path below a directory of directories belongs to; null: it is not below. */
export function idBelow(directory: string, path: string): string | null {
  if (!isWithin(directory, path)) return null;
  return path.slice(directory.length + 1).split(sep)[0] ?? null;
}

function isOnDisks({ disksDirectory }: CensusScope, path: string): boolean {
  return isWithin(disksDirectory, path);
}

function isWithin(directory: string, path: string): boolean {
  return path.startsWith(directory + sep);
}

/** The kernel says so of a file that was removed, or whose directory was. */
function backingFile(text: string | null): string | null {
  return text === null ? null : text.trimEnd().replace(/ \(deleted\)$/, '');
}

function readNow(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}
