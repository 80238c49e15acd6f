import { closeSync } from 'node:fs';
import { closeFd } from '@hatchery/linux';
import type { RuntimeContext } from '../context.ts';
import { type SandboxRecord, writeRecord } from '../instance/record.ts';
import type { CompiledVolume } from '../spec/volumes.ts';
import { startMade } from './make.ts';
import type { MadeInit } from './make-init.ts';
import type { MadeLifecycle } from './make-lifecycle.ts';
import { setLimits } from './set-limits.ts';
import type { StepList } from './step-list.ts';
import { closeVolumes, openVolumes } from './volumes.ts';

export interface StartOptions {
  /** What is on record from now on; it names the init. */
  readonly record: SandboxRecord;
  readonly volumes: readonly CompiledVolume[];
  /** Directory of its cgroup `work`, open already; null: not yet. */
  readonly workFd: number | null;
  /** A destroy has begun, which waits for nobody. */
  readonly ending: AbortSignal | undefined;
}

/** Before anything of the sandbox's runs: where they cannot be installed, nothing ever does. */
async function setNetworkRules({ slots }: RuntimeContext, steps: StepList, record: SandboxRecord): Promise<void> {
  const { slot, spec } = record;
  if (slot === null || spec.network === null) return;
  const rules = spec.network;
  await steps.run('install the network rules', () => slots.setRules(slot, rules));
}

/** The second half of a create and a start, and all of a take-over of a parked sandbox: what makes it somebody's. */
export async function startInit(
  context: RuntimeContext,
  steps: StepList,
  { intent, lease, connector, made, upper }: MadeInit,
  { record, volumes, workFd: openWorkFd, ending }: StartOptions,
): Promise<MadeLifecycle> {
  const { instance, cgroups } = context;
  const { connection } = connector;
  // Of a new process, while it contains itself on another CPU:
  await steps.run('set the limits', () => setLimits(cgroups, record.spec));
  const workFd =
    openWorkFd ??
    (await steps.run(
      'open the work cgroup',
      () => cgroups.sandbox(record.id).openDirectory('work'),
      (fd) => closeSync(fd),
    ));
  await steps.run('record init', () => writeRecord(instance.directory, record));
  await setNetworkRules(context, steps, record);
  const opened = await openVolumes(context, steps, volumes, { pidfd: made.pidfd, connection, ending });
  const start = { work: workFd, ...opened };
  const rootFd = await steps.run('park and start', () => startMade(context, { record, connection, start, ending }));
  // From now on the next boot finds it; the undo of `make` closes the root.
  if (intent.state === 'intent' && upper !== null)
    await steps.run('record the root on disk', () => context.disks.save({ ...record, state: 'stopped' }));
  // Init has copies; ours would keep the disk in use.
  if (upper !== null) closeFd(upper);
  closeVolumes(opened);
  const parts = { record, lease, connection, pid: made.pid, pidfd: made.pidfd, rootFd, workFd };
  return { parts, attach: (lifecycle) => connector.attach(lifecycle) };
}
