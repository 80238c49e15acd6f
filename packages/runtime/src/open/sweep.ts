import { rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { BlockingPool } from '@hatchery/blocking-io';
import { CgroupBase } from '@hatchery/cgroup';
import { bootId } from '@hatchery/linux';
import { HatcheryError } from '../errors.ts';
import { type LockedInstance, listAbandoned } from '../instance/instance.ts';
import { readRecord, type SandboxRecord } from '../instance/record.ts';
import { formatHead, type RecordHead } from '../instance/record-head.ts';
import { sandboxDirectory } from '../instance/sandbox-directory.ts';
import { leasesOf } from '../instance/uid-ranges.ts';
import type { CompiledNetworkOptions } from '../network/network-options.ts';
import { sweepNetworkOf } from '../network/sweep-network-of.ts';
import { teardown } from '../sandbox/teardown.ts';
import type { Logger } from '../types.ts';

/** What a teardown needs to know of something that has no record, or one that cannot be read. */
export function headOfDebris(cgroups: CgroupBase, id: string): RecordHead {
  return { id, bootId: bootId(), init: null, cgroups: cgroups.sandbox(id).paths(), range: null, root: null };
}

/** What belongs to a private instance, whose owner is dead or about to close it. */
interface Swept {
  readonly instance: LockedInstance;
  readonly cgroups: CgroupBase;
  readonly workers: BlockingPool;
  readonly logger: Logger;
}

/**
 * A private instance is nobody's to adopt: all of it goes, whatever its records say. One that cannot be removed is no
 * reason to leave the others. Rejects with ERR_RESOURCES.
 */
export async function sweepAll(swept: Swept): Promise<void> {
  const { instance, cgroups, logger } = swept;
  const failures: unknown[] = [];
  for (const id of new Set([...instance.sandboxIds(), ...cgroups.list()])) {
    logger.info({ instance: instance.name, sandboxId: id }, 'sweeping what is left of a sandbox');
    await sweepOne(swept, id).catch((error: unknown) => failures.push(error));
  }
  if (failures.length === 0) return;
  const text = `sweep of instance ${instance.name}: ${failures.length} sandboxes could not be removed: ${failures.map(String).join('; ')}; the next open tries again`;
  throw new HatcheryError('ERR_RESOURCES', text, { step: 'sweep', cause: new AggregateError(failures) });
}

async function sweepOne({ instance, cgroups, workers, logger }: Swept, id: string): Promise<void> {
  const record = readableRecord(instance, id, logger);
  const places = headOfDebris(cgroups, id);
  // Its cgroups by their place, not by what a record says; a lease may have passed on, so all go together.
  const head = record === null ? places : { ...record, cgroups: places.cgroups, range: null };
  const directory = sandboxDirectory(instance.directory, id);
  const rest = { initPidfd: null, rootFd: null, dropRoot: null, lease: null, onDead: null };
  await teardown(workers, { id, directory, head: formatHead(head), ...rest }, 'all');
  if (head.root !== null) removeIfEmpty(dirname(head.root));
}

async function sweepInstance(instance: LockedInstance, { workers, logger, network }: Sweeper): Promise<void> {
  const cgroups = CgroupBase.open({ path: instance.cgroupBase });
  try {
    await sweepAll({ instance, cgroups, workers, logger });
    await sweepNetworkOf(instance.directory, network);
    for (const lease of leasesOf(instance.directory)) lease.release();
    cgroups.remove();
  } finally {
    cgroups.close();
  }
}

function readableRecord(instance: LockedInstance, id: string, logger: Logger): SandboxRecord | null {
  try {
    return readRecord(instance.directory, id);
  } catch (error) {
    logger.warn({ err: error, sandboxId: id }, 'a record of a dead owner cannot be read');
    return null;
  }
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY') throw error;
  }
}

/** What an instance is swept by. */
interface Sweeper {
  readonly workers: BlockingPool;
  readonly logger: Logger;
  readonly network: CompiledNetworkOptions;
}

/** Sweeps every private instance whose owner is dead. One that cannot be swept stays for the next sweep, and is told. */
export async function sweepAbandoned(runDirectory: string, sweeper: Sweeper): Promise<void> {
  const { logger } = sweeper;
  const onError = (error: unknown, name: string): void =>
    logger.error({ err: error, instance: name }, 'an instance could not be looked at');
  for (const instance of listAbandoned(runDirectory, onError)) {
    try {
      await sweepInstance(instance, sweeper);
    } catch (error) {
      logger.error({ err: error, instance: instance.name }, 'an abandoned instance could not be swept');
    } finally {
      instance.close();
    }
  }
}
