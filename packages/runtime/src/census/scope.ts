import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { parseMountinfo } from '@hatchery/cgroup';
import { isGone, readIfThere, unreadable } from './if-there.ts';

/** Where everything of one instance is. */
export interface CensusScope {
  /** Holds `sandboxes/<id>/` with records and sockets. */
  readonly instanceDirectory: string;
  /** The directory of the instance in each mounted hierarchy, there or not. */
  readonly cgroupBases: readonly string[];
  /** Holds `<id>/` for each root on disk. */
  readonly disksDirectory: string;
  /** Machine-wide: a link for each leased range of ids, to its owner. */
  readonly rangesDirectory: string;
}

/** Those of an instance that is open here. */
export interface ScopeOptions {
  readonly instance: { readonly name: string; readonly directory: string; readonly cgroupBase: string };
  readonly dataDirectory: string;
}

/** Every mounted hierarchy is looked at, also those that nothing of ours is ever put into: a stray is found there, too. */
export async function censusScope({ instance, dataDirectory }: ScopeOptions): Promise<CensusScope> {
  const mountinfo = '/proc/self/mountinfo';
  const mounts = parseMountinfo((await readIfThere(mountinfo)) ?? '');
  return {
    instanceDirectory: instance.directory,
    cgroupBases: mounts
      .filter(({ type }) => type === 'cgroup' || type === 'cgroup2')
      .map(({ mountPoint }) => join(mountPoint, instance.cgroupBase)),
    disksDirectory: join(await resolved(dataDirectory), 'sandboxes', instance.name),
    rangesDirectory: '/run/hatchery-ids',
  };
}

/** The kernel names backing files and mount points without links on the way. */
async function resolved(directory: string): Promise<string> {
  try {
    return await realpath(directory);
  } catch (error) {
    if (isGone(error)) return directory;
    throw unreadable(`resolve ${directory}`, error);
  }
}
