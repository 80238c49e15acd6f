import { bootId } from '@hatchery/linux';
import type { RuntimeContext } from '../context.ts';
import { readRecord, type SandboxRecord, writeRecord } from '../instance/record.ts';
import { formatHead } from '../instance/record-head.ts';
import { makeSandboxDirectory, removeSandboxDirectory, sandboxDirectory } from '../instance/sandbox-directory.ts';
import { leasesOf } from '../instance/uid-ranges.ts';
import { inSection } from '../loop-delay/section.ts';
import { networkFailure } from '../network/network-error.ts';
import { LiveSandbox } from '../sandbox/sandbox.ts';
import { teardown } from '../sandbox/teardown.ts';
import { adoptRunning, isInitAlive } from './adopt-running.ts';

const nothingOpen = { initPidfd: null, rootFd: null, dropRoot: null, lease: null, onDead: null };

/** So many inits are asked at a time: each answers within 2 ms, and all wait for this one thread. */
const adoptionsAtATime = 16;

/**
 * Takes over what an earlier owner of this instance left: what runs or is paused is a sandbox of this runtime from now
 * on, what is stopped stays so, what was half made is undone. What cannot be understood is kept and told; the collector
 * decides on it by its rule (docs/crash-safety.md).
 */
export async function adoptInstance(context: RuntimeContext): Promise<void> {
  const { instance, cgroups, disks, logger } = context;
  const ids = [...new Set([...instance.sandboxIds(), ...cgroups.list(), ...disks.ids()])];
  await prepareSlots(context);
  const adoptNext = async (): Promise<void> => {
    for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
      const sandboxId = id;
      await context.locks
        .run(sandboxId, () => inSection('adoption', () => adopt(context, sandboxId)))
        .catch((error: unknown) =>
          logger.error({ err: error, sandboxId }, 'a sandbox could not be adopted; it is kept'),
        );
    }
  };
  await Promise.all(Array.from({ length: adoptionsAtATime }, adoptNext));
  await releaseUnused(context);
}

/** A host on which no slot can be taken over now is no reason to end those that are in one: the opening fails instead. */
async function prepareSlots({ instance, slots }: RuntimeContext): Promise<void> {
  const records = instance.sandboxIds().flatMap((id) => recordOf(instance.directory, id) ?? []);
  const inUse = records.filter((record) => isRunning(record) && isInitAlive(record)).flatMap(({ slot }) => slot ?? []);
  try {
    await slots.prepareAdoption(inUse);
  } catch (cause) {
    throw networkFailure(`Runtime.open(): ${inUse.length} sandboxes run on network slots and run on`, cause);
  }
}

/** null: there is none that can be read, which is told when it is adopted. */
function recordOf(directory: string, id: string): SandboxRecord | null {
  try {
    return readRecord(directory, id);
  } catch {
    return null;
  }
}

function isRunning({ bootId: boot, state, slot }: SandboxRecord): boolean {
  return slot !== null && state === 'running' && boot === bootId();
}

/** Leases may have passed from one sandbox to another, so they go by range: those that no sandbox here uses. */
async function releaseUnused({ instance, sandboxes, cgroups, disks, slots }: RuntimeContext): Promise<void> {
  // What could not be adopted may still run, in ids and a slot that perhaps nobody can tell: the collector gives the ids back after it.
  if ([...instance.sandboxIds(), ...cgroups.list(), ...disks.ids()].some((id) => !sandboxes.has(id))) return;
  const used = new Set([...sandboxes.values()].map(({ record }) => record.range));
  for (const lease of leasesOf(instance.directory)) if (!used.has(lease.path)) lease.release();
  await slots.sweep();
}

async function adopt(context: RuntimeContext, id: string): Promise<void> {
  const { instance } = context;
  const record = readRecord(instance.directory, id);
  if (record === null) return await adoptWithoutRecord(context, id);
  const isAlive = record.bootId === bootId() && record.state === 'running';
  if (isAlive && (await adoptRunning(context, withPlaces(context, record)))) return confirmRoot(context, record);
  // Nothing of it runs, or what runs was never anybody's: of one that was being created nothing stays.
  const keepsRoot = record.root !== null && record.state !== 'intent' && context.disks.read(id)?.state !== 'intent';
  const directory = sandboxDirectory(instance.directory, id);
  const places = withPlaces(context, record);
  await teardown(
    context.workers,
    // Its lease may be another's since it was written: those that are not used go together, at the end.
    { id, directory, head: formatHead({ ...places, range: null }), ...nothingOpen },
    keepsRoot ? 'all but the root on disk' : 'all',
  );
  if (keepsRoot) return await adoptStopped(context, places);
  if (record.state === 'running') context.tell('destroyed', record, 'lost');
}

/** Its runner died between its READY and the record that the next boot reads. */
function confirmRoot({ disks }: RuntimeContext, record: SandboxRecord): void {
  if (record.root !== null && disks.read(record.id)?.state === 'intent') disks.save({ ...record, state: 'stopped' });
}

/** A record of the build before this one names no directories. */
function withPlaces(context: RuntimeContext, record: SandboxRecord): SandboxRecord {
  if (record.cgroups.length > 0) return record;
  const lease = leasesOf(context.instance.directory).find(({ firstId }) => firstId === record.firstId);
  return { ...record, cgroups: context.cgroups.sandbox(record.id).paths(), range: lease?.path ?? null };
}

/** The run directory is gone with the last boot, or a create got no further than its name. */
async function adoptWithoutRecord(context: RuntimeContext, id: string): Promise<void> {
  const { instance, disks, cgroups } = context;
  if (cgroups.list().includes(id)) {
    context.logger.warn({ sandboxId: id }, 'cgroups without a record are left to the collector');
    return;
  }
  removeSandboxDirectory(instance.directory, id);
  const record = disks.read(id);
  if (record === null) return;
  if (record.state !== 'stopped') return await disks.remove(id);
  makeSandboxDirectory(instance.directory, id);
  await adoptStopped(context, record);
}

async function adoptStopped(context: RuntimeContext, record: SandboxRecord): Promise<void> {
  const stopped: SandboxRecord = { ...record, state: 'stopped', init: null, range: null, slot: null, deadline: null };
  writeRecord(context.instance.directory, stopped);
  const sandbox = new LiveSandbox(context, { record: stopped, state: 'stopped', parts: null });
  context.tell('adopted', sandbox);
}
