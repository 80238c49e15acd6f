import { type CgroupBase, CgroupError, type CgroupLimits } from '@hatchery/cgroup';
import type { CompiledSpec } from '../spec/sandbox-spec.ts';

/** Writes the limits; with `bestEffort` those that this host cannot enforce are left out, else they refuse the create. */
export function setLimits(cgroups: CgroupBase, { id, limits }: CompiledSpec): void {
  const { memoryBytes, cpus, pids } = limits;
  const cgroup = cgroups.sandbox(id);
  const wanted: CgroupLimits = { memoryBytes, cpus, pids };
  try {
    cgroup.setLimits(wanted);
  } catch (error) {
    if (!limits.bestEffort || !(error instanceof CgroupError) || error.code !== 'ERR_LIMIT_UNENFORCEABLE') throw error;
    const missing = new Set(error.controllers);
    cgroup.setLimits({
      ...(missing.has('memory') ? {} : { memoryBytes }),
      ...(missing.has('cpu') ? {} : { cpus }),
      ...(missing.has('pids') ? {} : { pids }),
    });
  }
}
