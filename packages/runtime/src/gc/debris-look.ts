import { join } from 'node:path';
import { findCgroupsOf } from '../census/find-cgroups.ts';
import { listIfThere, lookIfThere } from '../census/if-there.ts';
import type { CensusScope } from '../census/scope.ts';

/** What a record says that decides over debris. */
export interface RecordFacts {
  readonly state: 'intent' | 'restart' | 'parked' | 'running' | 'stopped';
  /** The directory of a root on disk; null: the root lives in memory. */
  readonly root: string | null;
}

/** Each gives null where there is no record, and throws why one cannot be understood. */
export interface RecordReaders {
  inRunDirectory(id: string): RecordFacts | null;
  onDisk(id: string): RecordFacts | null;
}

/** All that is there under one name. */
export interface DebrisLook {
  readonly id: string;
  /** What is no sandbox's at all: a link, a file, a name that is no id. */
  readonly stray: string | null;
  readonly record: RecordFacts | null;
  readonly diskRecord: RecordFacts | null;
  /** Why a record cannot be understood. */
  readonly unreadable: string | null;
  /** Names in the directory of its root on disk; null: it has none. */
  readonly diskFiles: readonly string[] | null;
  readonly cgroups: readonly string[];
  /** Other cgroups of the same name have another one. */
  readonly mark: string;
  readonly pids: readonly number[];
  /** Every path that exists. */
  readonly paths: readonly string[];
}

interface Entry {
  readonly path: string;
  readonly isDirectory: boolean;
}

/** Looks at all of one name, and follows no link. Rejects with ERR_CENSUS when something cannot be read. */
export async function lookAtDebris(scope: CensusScope, readers: RecordReaders, id: string): Promise<DebrisLook> {
  const live = await entryOf(join(scope.instanceDirectory, 'sandboxes'), id);
  const disk = await entryOf(scope.disksDirectory, id);
  const stray = strayOf(id, [live, disk]);
  const found = await findCgroupsOf(scope.cgroupBases, id);
  const tops = found.filter(({ path }) => path.endsWith(`/${id}`));
  const records = stray === null ? readRecords(readers, id) : { record: null, diskRecord: null, unreadable: null };
  const entries = [live, disk].flatMap((entry) => (entry === null ? [] : [entry.path]));
  return {
    id,
    stray,
    ...records,
    diskFiles: disk?.isDirectory === true ? await namesIn(disk.path) : null,
    cgroups: found.map(({ path }) => path),
    mark: tops.map(({ path, inode }) => `${path} ${inode}`).join('\n'),
    pids: [...new Set(found.flatMap(({ pids }) => pids))],
    paths: [...entries, ...tops.map(({ path }) => path)],
  };
}

function readRecords(readers: RecordReaders, id: string): Pick<DebrisLook, 'record' | 'diskRecord' | 'unreadable'> {
  try {
    return { record: readers.inRunDirectory(id), diskRecord: readers.onDisk(id), unreadable: null };
  } catch (error) {
    return { record: null, diskRecord: null, unreadable: error instanceof Error ? error.message : String(error) };
  }
}

function strayOf(id: string, entries: readonly (Entry | null)[]): string | null {
  if (!/^[a-z0-9]{1,63}$/.test(id)) return `${JSON.stringify(id)} is no id`;
  const wrong = entries.find((entry) => entry !== null && !entry.isDirectory);
  return wrong ? `${wrong.path} is no directory` : null;
}

async function entryOf(parent: string, name: string): Promise<Entry | null> {
  const path = join(parent, name);
  const stats = await lookIfThere(path);
  return stats === null ? null : { path, isDirectory: stats.isDirectory() };
}

async function namesIn(path: string): Promise<string[]> {
  return ((await listIfThere(path)) ?? []).map(({ name }) => name);
}
