import { CgroupBase } from '@hatchery/cgroup';
import { type LockedInstance, listAbandoned } from '../instance/instance.ts';
import { leasesOf } from '../instance/uid-ranges.ts';
import { teardown } from '../sandbox/teardown.ts';
import type { Logger } from '../types.ts';

/** Removes what a dead owner left in an instance whose lock we hold: every sandbox with a cgroup, a directory or a lease. */
export async function sweepInstance(instance: LockedInstance, logger: Logger): Promise<void> {
  const cgroups = CgroupBase.open({ path: instance.cgroupBase });
  try {
    const leases = new Map(leasesOf(instance.directory).map((lease) => [lease.sandboxId, lease]));
    const ids = new Set([...instance.sandboxIds(), ...cgroups.list(), ...leases.keys()]);
    for (const id of ids) {
      logger.info({ instance: instance.name, sandboxId: id }, 'sweeping a sandbox of a dead owner');
      await teardown({
        id,
        instanceDirectory: instance.directory,
        cgroup: cgroups.sandbox(id),
        initPidfd: null,
        rootFd: null,
        lease: leases.get(id) ?? null,
      });
    }
    if (instance.isPrivate) cgroups.remove();
  } finally {
    cgroups.close();
  }
}

/** Sweeps every private instance whose owner is dead. One that cannot be swept stays for the next sweep, and is told. */
export async function sweepAbandoned(runDirectory: string, logger: Logger): Promise<void> {
  for (const instance of listAbandoned(runDirectory)) {
    try {
      await sweepInstance(instance, logger);
    } catch (error) {
      logger.error({ err: error, instance: instance.name }, 'an abandoned instance could not be swept');
    } finally {
      instance.close();
    }
  }
}
