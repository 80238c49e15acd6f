import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { SlotPlace } from '@hatchery/network';
import { oldestInitVersion, wireVersion } from '@hatchery/zygote-ipc';
import { HatcheryError } from '../errors.ts';
import { inSection } from '../loop-delay/section.ts';
import { isCompiledNetwork } from '../spec/network.ts';
import type { CompiledSpec } from '../spec/sandbox-spec.ts';
import { areCompiledVolumes } from '../spec/volumes.ts';
import type { CreatedFrom } from '../types.ts';
import { parsePreviousRecord } from './previous-record.ts';
import { hasIdentity, isSlotOrNull } from './record-fields.ts';
import { formatHead, type RecordHead } from './record-head.ts';
import { recordName, sandboxDirectory } from './sandbox-directory.ts';
import { writeAtomically } from './write-atomically.ts';

/** Of a record that the build before this one wrote. */
const previousName = 'record.json';

/** When a sandbox's time is up. */
export interface Deadline {
  /** CLOCK_MONOTONIC in milliseconds, which goes on through a runner's death and starts anew with the kernel. */
  readonly monotonicMs: number;
  /** What `expiresAt` shows; a clock that is set changes nothing else. ISO 8601. */
  readonly wall: string;
}

/** What must be known of a sandbox to find, adopt, undo or start it again after its runner's death. */
export interface SandboxRecord extends RecordHead {
  readonly version: 2;
  readonly lifecycleId: string;
  /** 32 random bytes as hex, which init asks of whoever connects. */
  readonly token: string;
  /** First id of the leased range. */
  readonly firstId: number;
  /** The wire that its init speaks. */
  readonly wireVersion: number;
  /**
   * `intent`: written before the clone, so a sandbox may or may not exist. `restart`: likewise, of a root on disk that
   * was there before and stays. `parked`: made ahead, and nobody's yet. `stopped`: nothing but the root on disk. Whether it
   * is paused its cgroup tells.
   */
  readonly state: 'intent' | 'restart' | 'parked' | 'running' | 'stopped';
  /** ISO 8601. */
  readonly createdAt: string;
  readonly createdFrom: CreatedFrom;
  /** Its network slot, whose rules are in the spec; null: it has none, or does not run. */
  readonly slot: SlotPlace | null;
  /** null: none, or it is paused. */
  readonly deadline: Deadline | null;
  readonly spec: CompiledSpec;
}

/** The text of a record file: the head, an empty line, and all of it as JSON. */
export function formatRecord(record: SandboxRecord): string {
  return `${formatHead(record)}\n${JSON.stringify(record)}\n`;
}

/** Writes the record atomically (0600: it holds the token and the environment). */
export function writeRecord(instanceDirectory: string, record: SandboxRecord): void {
  const path = join(sandboxDirectory(instanceDirectory, record.id), recordName);
  inSection('record of a sandbox', () => writeAtomically(path, formatRecord(record)));
}

/** Writes the record; one that the build before this one wrote goes, so that there are not two. */
export function renewRecord(instanceDirectory: string, record: SandboxRecord): void {
  writeRecord(instanceDirectory, record);
  rmSync(join(sandboxDirectory(instanceDirectory, record.id), previousName), { force: true });
}

/** null: there is none, so nothing was cloned under this id. Throws ERR_SANDBOX_LOST when it cannot be understood. */
export function readRecord(instanceDirectory: string, id: string): SandboxRecord | null {
  const directory = sandboxDirectory(instanceDirectory, id);
  return (
    readAs(join(directory, recordName), (text) => parseRecord(text, id)) ??
    readAs(join(directory, previousName), (text) => parsePreviousRecord(text, id))
  );
}

/** Reads a record file elsewhere, of a root on disk. Throws ERR_SANDBOX_LOST. */
export function readRecordFile(path: string, id: string): SandboxRecord | null {
  return readAs(path, (text) => parseRecord(text, id));
}

function readAs(path: string, parse: (text: string) => SandboxRecord): SandboxRecord | null {
  try {
    return parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    const why = error instanceof Error ? error.message : String(error);
    const text = `read of ${path}: ${why}; end the sandbox by its cgroup, then remove the directory`;
    throw new HatcheryError('ERR_SANDBOX_LOST', text, { step: 'read-record', cause: error });
  }
}

function parseRecord(text: string, id: string): SandboxRecord {
  const headEnd = text.indexOf('\n\n');
  if (!text.startsWith('hatchery-record ') || headEnd < 0) throw new Error('it is not a record');
  const record = JSON.parse(text.slice(headEnd + 2)) as Partial<SandboxRecord> | null;
  const version: unknown = record?.version;
  if (version !== 2) throw new Error(`version ${JSON.stringify(version)} is not one this build knows`);
  const isWhole =
    hasIdentity(record, id) &&
    isWire(record?.wireVersion) &&
    arePaths(record?.cgroups) &&
    isPathOrNull(record?.range) &&
    isPathOrNull(record?.root) &&
    ['pool', 'demand', undefined].includes(record?.createdFrom) &&
    ['intent', 'restart', 'parked', 'running', 'stopped'].includes(record?.state ?? '') &&
    isDeadline(record?.deadline) &&
    isSlotOrNull(record?.slot ?? null) &&
    isCompiledNetwork(record?.spec?.network ?? null) &&
    areCompiledVolumes(record?.spec?.volumes ?? []);
  if (!isWhole) throw new Error('fields are missing or wrong');
  const { spec, ...rest } = record as SandboxRecord;
  // Written by a build without volumes or network slots it names none; by one without a pool, not where it is from.
  const createdFrom = rest.createdFrom ?? 'demand';
  const slot = rest.slot === null || rest.slot === undefined ? null : { ...rest.slot, id: rest.slot.id ?? '' };
  const whole = {
    ...rest,
    createdFrom,
    slot,
    spec: { ...spec, volumes: spec.volumes ?? [], network: spec.network ?? null },
  };
  // The shim acts on the head and the runtime on the rest: they must be about the same things.
  if (text.slice(0, headEnd + 1) !== formatHead(whole)) throw new Error('its head tells something else than the rest');
  return whole;
}

/** One that this build can still talk to. */
function isWire(version: unknown): boolean {
  return Number.isInteger(version) && Number(version) >= oldestInitVersion && Number(version) <= wireVersion;
}

function arePaths(paths: unknown): boolean {
  return Array.isArray(paths) && paths.every((path) => typeof path === 'string' && path.startsWith('/'));
}

function isPathOrNull(path: unknown): boolean {
  return path === null || (typeof path === 'string' && path.startsWith('/'));
}

function isDeadline(deadline: unknown): boolean {
  if (deadline === null) return true;
  const { monotonicMs, wall } = (deadline ?? {}) as Partial<Deadline>;
  return Number.isFinite(monotonicMs) && typeof wall === 'string';
}
