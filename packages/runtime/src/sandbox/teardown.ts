import type { SandboxCgroup } from '@hatchery/cgroup';
import { closeFd } from '@hatchery/linux';
import { HatcheryError } from '../errors.ts';
import { removeSandboxDirectory } from '../instance/record.ts';
import type { Lease } from '../instance/uid-ranges.ts';
import { exitTimeoutMs, waitForExit } from '../wait-for-exit.ts';

/**
 * What there is of a sandbox, from a full one down to the debris of a half-made one. A teardown takes out what it has
 * dealt with, so that one that failed can be run again.
 */
export interface Remains {
  readonly id: string;
  readonly instanceDirectory: string;
  readonly cgroup: SandboxCgroup;
  /** null: init was never cloned, or its runner is dead. Closed by the teardown. */
  initPidfd: number | null;
  /** Closed by the teardown; it pins the root's filesystem. */
  rootFd: number | null;
  readonly lease: Lease | null;
  /** Runs when every process is gone: exits are settled before anything is released. */
  onDead: (() => void | Promise<void>) | null;
}

type Step = readonly [name: string, run: (remains: Remains) => void | Promise<void>];

/**
 * The one order in which a sandbox goes, whatever state it is in; nothing is asked of the sandbox itself. What could be
 * reused by another (ids, directory) is released only after the kernel has said that nobody is left.
 */
const steps: readonly Step[] = [
  // First: whoever holds the root last pays for its unmounting (5 ms a thousand files), and that must be init's exit.
  ['let go of the root', letGoOfRoot],
  ['kill every process', ({ cgroup }) => ifThere(() => cgroup.kill())],
  ['wait for the exit of init', exitOfInit],
  [
    'wait until the cgroup is empty',
    ({ cgroup }) => ifThere(() => cgroup.waitUnpopulated({ timeoutMs: exitTimeoutMs })),
  ],
  ['settle the executions', settle],
  ['remove the cgroups', ({ cgroup }) => cgroup.remove()],
  ['remove the directory', ({ instanceDirectory, id }) => removeSandboxDirectory(instanceDirectory, id)],
  ['release the id range', ({ lease }) => lease?.release()],
];

/**
 * Removes everything that is there of a sandbox. Stops at the first step that fails, so that nothing is released while
 * something may still use it. Rejects with ERR_RESOURCES naming the step; the record stays.
 */
export async function teardown(remains: Remains): Promise<void> {
  for (const [step, run] of steps) {
    try {
      await run(remains);
    } catch (cause) {
      const happened = cause instanceof Error ? cause.message : String(cause);
      const text = `destroy of sandbox ${remains.id}: step "${step}": ${happened}; its record is kept, destroy it again`;
      throw new HatcheryError('ERR_RESOURCES', text, { step, cause });
    }
  }
}

async function ifThere(act: () => void | Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    // A half-made sandbox has no cgroup yet, an interrupted teardown none any more.
    if (!(error instanceof Error && 'errno' in error && error.errno === 'ENOENT') && !isGone(error)) throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_CGROUP_GONE';
}

function letGoOfRoot(remains: Remains): void {
  const { rootFd } = remains;
  remains.rootFd = null;
  if (rootFd !== null) closeFd(rootFd);
}

async function exitOfInit(remains: Remains): Promise<void> {
  const { initPidfd } = remains;
  if (initPidfd === null) return;
  await waitForExit(initPidfd);
  remains.initPidfd = null;
  closeFd(initPidfd);
}

async function settle(remains: Remains): Promise<void> {
  await remains.onDead?.();
  remains.onDead = null;
}
