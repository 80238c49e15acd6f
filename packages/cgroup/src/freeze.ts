import { readFileSync } from 'node:fs';
import type { CgroupDirectory } from './cgroup-directory.ts';
import { CgroupError } from './cgroup-error.ts';
import { readState, waitForState } from './cgroup-events.ts';
import { treeProcesses } from './cgroup-tree.ts';

/** What to freeze or thaw, and how long that may take. */
export interface FreezeOptions {
  /** The part to freeze or thaw. Default: `work` where the group has that part, else the group itself. */
  readonly part?: string;
  /** Milliseconds to wait for the kernel's word; default 5000. */
  readonly timeoutMs?: number | undefined;
  /** Ends the wait: the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const defaultTimeoutMs = 5000;

export function isFrozen(base: CgroupDirectory, name: string): boolean {
  return readState(base, name, 'frozen');
}

/**
 * Freezes a v2 cgroup and everything below it, and resolves once the kernel says that every process stands still. When
 * it does not get there the cgroup is thawed again, so that nobody is left half frozen.
 *
 * @throws CgroupError ERR_CGROUP_TIMEOUT whose `pids` did not stop; ERR_CGROUP_GONE; the signal's reason.
 */
export async function freeze(base: CgroupDirectory, name: string, options: FreezeOptions): Promise<void> {
  const { timeoutMs = defaultTimeoutMs, signal } = options;
  signal?.throwIfAborted();
  base.write(`${name}/cgroup.freeze`, '1');
  const timedOut = (): CgroupError => notFrozen(base, name, timeoutMs);
  try {
    await waitForState(base, name, { state: 'frozen', value: true, timedOut }, { timeoutMs, signal });
  } catch (error) {
    undo(base, name);
    throw error;
  }
}

/**
 * Thaws a v2 cgroup, and resolves once the kernel says that its processes run. One that does not get there in time stays
 * told to thaw.
 *
 * @throws CgroupError ERR_CGROUP_TIMEOUT; ERR_CGROUP_GONE; the signal's reason.
 */
export async function thaw(base: CgroupDirectory, name: string, options: FreezeOptions): Promise<void> {
  const { timeoutMs = defaultTimeoutMs, signal } = options;
  signal?.throwIfAborted();
  base.write(`${name}/cgroup.freeze`, '0');
  const timedOut = (): CgroupError =>
    new CgroupError({
      code: 'ERR_CGROUP_TIMEOUT',
      step: 'wait for frozen 0',
      text: `"${base.path}/${name}" is still frozen ${timeoutMs} ms after it was told to thaw: a cgroup above it is frozen too. Write 0 to that one's cgroup.freeze`,
    });
  await waitForState(base, name, { state: 'frozen', value: false, timedOut }, { timeoutMs, signal });
}

function undo(base: CgroupDirectory, name: string): void {
  try {
    base.write(`${name}/cgroup.freeze`, '0');
  } catch {
    // Removed meanwhile, mostly. The error that led here says more than any that this could throw.
  }
}

/** A process that sleeps uninterruptibly, in a system call or in the v1 freezer, is what the v2 freezer cannot stop. */
function notFrozen(base: CgroupDirectory, name: string, timeoutMs: number): CgroupError {
  const pids = treeProcesses(base, name).filter(sleepsUninterruptibly);
  const who =
    pids.length === 0 ? 'no process is in uninterruptible sleep now' : `in uninterruptible sleep: ${pids.join(', ')}`;
  return new CgroupError({
    code: 'ERR_CGROUP_TIMEOUT',
    step: 'wait for frozen 1',
    pids,
    text: `"${base.path}/${name}" did not freeze within ${timeoutMs} ms (${who}) and was thawed. Try again, or wait longer; a process in a v1 freezer cgroup must be thawed there first`,
  });
}

function sleepsUninterruptibly(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name before the state may hold anything, blanks and parentheses too.
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('D');
  } catch {
    // It is gone: whatever kept it from stopping is over.
    return false;
  }
}
