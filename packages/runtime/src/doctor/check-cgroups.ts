import { type CgroupHost, type Controller, createCgroup, findCgroupHost } from '@hatchery/cgroup';
import type { DoctorFinding } from './finding.ts';
import { missing, tryOut } from './make-finding.ts';

const limits = {
  memory: { memoryBytes: 64 * 2 ** 20 },
  cpu: { cpus: 0.5 },
  pids: { pids: 16 },
} as const satisfies Record<Controller, object>;

export interface CgroupChecks {
  readonly findings: DoctorFinding[];
  /** Null: no cgroup v2 that hatchery could use. */
  readonly host: CgroupHost | null;
}

/** Finds the hierarchies and writes one real limit of each controller to a cgroup made for it. */
export async function checkCgroups(): Promise<CgroupChecks> {
  let host: CgroupHost | null = null;
  const found = await tryOut('cgroup-v2', () => {
    host = findCgroupHost();
    return `${host.mode}, v2 at ${host.unifiedMount}`;
  });
  const findings = [found];
  for (const controller of ['memory', 'cpu', 'pids'] as const) findings.push(await checkLimit(host, controller));
  return { findings, host };
}

async function checkLimit(host: CgroupHost | null, controller: Controller): Promise<DoctorFinding> {
  const name = `limit-${controller}`;
  if (host === null) return missing(name, 'there is no cgroup v2 to work in');
  const hierarchy = host.controllers.get(controller);
  if (hierarchy === undefined) return missing(name, `the controller is in no hierarchy of this host`);
  return await tryOut(name, async () => {
    const cgroup = createCgroup({
      host,
      path: `hatchery/doctor-${controller}-${process.pid}`,
      limits: limits[controller],
    });
    await cgroup.remove();
    return `set through cgroup v${hierarchy.version} at ${hierarchy.mount}`;
  });
}
