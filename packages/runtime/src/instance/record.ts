import { chmodSync, mkdirSync, readdirSync, readFileSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { HatcheryError } from '../errors.ts';
import type { CompiledSpec } from '../spec/sandbox-spec.ts';
import { lowestId, rangeSize } from './uid-ranges.ts';
import { writeAtomically } from './write-atomically.ts';

/** What must be known of a sandbox to find, adopt or undo it after the runner's death. */
export interface SandboxRecord {
  readonly version: 1;
  readonly id: string;
  readonly lifecycleId: string;
  /** Another boot id than the kernel's: nothing of it is alive. */
  readonly bootId: string;
  /** 32 random bytes as hex, which init asks of whoever connects. */
  readonly token: string;
  /** First id of the leased range. */
  readonly firstId: number;
  /** Name of its cgroups below the instance's. */
  readonly cgroup: string;
  /** `intent`: written before the clone, so a sandbox may or may not exist. */
  readonly state: 'intent' | 'running';
  /** Init as the host sees it; null while it is not cloned. The start time is field 22 of /proc/<pid>/stat. */
  readonly init: { readonly pid: number; readonly startTime: string } | null;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly spec: CompiledSpec;
}

const fileName = 'record.json';

/** Where a sandbox's record and socket are. */
export function sandboxDirectory(instanceDirectory: string, id: string): string {
  return join(instanceDirectory, 'sandboxes', id);
}

/** Makes the directory that claims the id. Throws ERR_SANDBOX_EXISTS when it is taken, even by debris. */
export function makeSandboxDirectory(instanceDirectory: string, id: string): string {
  const directory = sandboxDirectory(instanceDirectory, id);
  try {
    mkdirSync(directory, { mode: 0o711 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const text = `create of sandbox ${id}: ${directory} exists; destroy that sandbox or choose another id`;
    throw new HatcheryError('ERR_SANDBOX_EXISTS', text, { step: 'claim-id', cause: error });
  }
  // The umask must not close it to the sandbox's mapped root.
  chmodSync(directory, 0o711);
  return directory;
}

/** Writes the record atomically (0600: it holds the token and the environment). */
export function writeRecord(instanceDirectory: string, record: SandboxRecord): void {
  writeAtomically(join(sandboxDirectory(instanceDirectory, record.id), fileName), `${JSON.stringify(record)}\n`);
}

/** null: there is none, so nothing was cloned under this id. Throws ERR_SANDBOX_LOST when it cannot be understood. */
export function readRecord(instanceDirectory: string, id: string): SandboxRecord | null {
  const path = join(sandboxDirectory(instanceDirectory, id), fileName);
  try {
    return parseRecord(readFileSync(path, 'utf8'), id);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    const why = error instanceof Error ? error.message : String(error);
    const text = `read of ${path}: ${why}; end the sandbox by its cgroup, then remove the directory`;
    throw new HatcheryError('ERR_SANDBOX_LOST', text, { step: 'read-record', cause: error });
  }
}

/**
 * Removes a sandbox's directory; a missing one is fine. Never recursive: what it holds is flat and ours, and a mount
 * left in it must make this fail, not be emptied. Synchronous, as everything here: four calls on a tmpfs.
 */
export function removeSandboxDirectory(instanceDirectory: string, id: string): void {
  const directory = sandboxDirectory(instanceDirectory, id);
  const entries = ifThere(() => readdirSync(directory, { withFileTypes: true })) ?? [];
  // The record goes last, so that an interrupted removal is still found by it.
  entries.sort((a, b) => Number(a.name === fileName) - Number(b.name === fileName));
  for (const entry of entries) {
    const path = join(directory, entry.name);
    ifThere(() => (entry.isDirectory() ? rmdirSync(path) : unlinkSync(path)));
  }
  ifThere(() => rmdirSync(directory));
}

function parseRecord(text: string, id: string): SandboxRecord {
  const record = JSON.parse(text) as Partial<SandboxRecord> | null;
  const version: unknown = record?.version;
  if (version !== 1) throw new Error(`version ${JSON.stringify(version)} is not one this build knows`);
  const isWhole =
    record?.id === id &&
    typeof record.lifecycleId === 'string' &&
    typeof record.bootId === 'string' &&
    /^[0-9a-f]{64}$/.test(record.token ?? '') &&
    isRangeStart(record.firstId) &&
    typeof record.cgroup === 'string' &&
    (record.state === 'intent' || record.state === 'running') &&
    isInit(record.init) &&
    typeof record.createdAt === 'string' &&
    typeof record.spec === 'object' &&
    record.spec !== null;
  if (!isWhole) throw new Error('fields are missing or wrong');
  return record as SandboxRecord;
}

/** A wrong one would remove or chown what belongs to the host. */
function isRangeStart(id: unknown): boolean {
  return (
    Number.isSafeInteger(id) && Number(id) >= lowestId && Number(id) <= 0x7fff_0000 && Number(id) % rangeSize === 0
  );
}

/** Pids 0, 1 and negative ones are never anybody's init, and must never be signalled. */
function isInit(init: SandboxRecord['init'] | undefined): boolean {
  return (
    init === null || (Number.isSafeInteger(init?.pid) && Number(init?.pid) > 1 && /^\d+$/.test(init?.startTime ?? ''))
  );
}

/** undefined: it was gone already. */
function ifThere<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
