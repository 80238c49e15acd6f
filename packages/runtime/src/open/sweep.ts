import { CgroupBase } from '@hatchery/cgroup';
import { type LockedInstance, listAbandoned } from '../instance/instance.ts';
import { leasesOf } from '../instance/uid-ranges.ts';
import { teardown } from '../sandbox/teardown.ts';
import type { Logger } from '../types.ts';

/** Removes what a dead owner left in an instance whose lock we hold: every sandbox with a cgroup or a directory, then the leases. */
export async function sweepInstance(instance: LockedInstance, logger: Logger): Promise<void> {
  const cgroups = CgroupBase.open({ path: instance.cgroupBase });
  try {
    for (const id of new Set([...instance.sandboxIds(), ...cgroups.list()])) {
      logger.info({ instance: instance.name, sandboxId: id }, 'sweeping a sandbox of a dead owner');
      const cgroup = cgroups.sandbox(id);
      await teardown({
        id,
        instanceDirectory: instance.directory,
        cgroup,
        initPidfd: null,
        rootFd: null,
        lease: null,
        onDead: null,
      });
    }
    // A lease may have passed from one sandbox to another, so all go together, when nobody is left to use one.
    for (const lease of leasesOf(instance.directory)) lease.release();
    if (instance.isPrivate) cgroups.remove();
  } finally {
    cgroups.close();
  }
}

/** Sweeps every private instance whose owner is dead. One that cannot be swept stays for the next sweep, and is told. */
export async function sweepAbandoned(runDirectory: string, logger: Logger): Promise<void> {
  const onError = (error: unknown, name: string): void =>
    logger.error({ err: error, instance: name }, 'an instance could not be looked at');
  for (const instance of listAbandoned(runDirectory, onError)) {
    try {
      await sweepInstance(instance, logger);
    } catch (error) {
      logger.error({ err: error, instance: instance.name }, 'an abandoned instance could not be swept');
    } finally {
      instance.close();
    }
  }
}
