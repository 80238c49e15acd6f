import { setTimeout as delay } from 'node:timers/promises';
import { CgroupError } from './cgroup-error.ts';
import { isGone } from './cgroup-tree.ts';
import type { WaitOptions } from './populated.ts';

/** A removal that met resistance. */
export interface BusyCgroup {
  readonly cgroup: string;
  readonly errno: string | undefined;
  readonly step: string;
  /** Or why they could not be read. */
  readonly pids: readonly number[] | string;
}

/** Where it is told. pino's shape. */
export interface CgroupLogger {
  warn(details: BusyCgroup, message: string): void;
}

/** What a removal does to a cgroup; SandboxCgroup implements it. */
export interface Removable {
  readonly path: string;
  /** Plain rmdir in every hierarchy; the error that names what is busy, or null. */
  tryRemove(): CgroupError | null;
  /** cgroup.kill, and the members of v1 cgroups that it did not reach. */
  killAll(): void;
  waitUnpopulated(options: WaitOptions): Promise<void>;
  /** Process ids in every hierarchy. */
  survivors(): number[];
}

export interface RemoveOptions {
  /** How long to wait and retry once the cgroup turned out busy, in milliseconds; default and most 2000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

const longestRemovalMs = 2000;
/** Between retries while the v2 side is empty already but an rmdir still says EBUSY: nothing there sends an event. */
const retryMs = 5;

/**
 * Removes a cgroup: rmdir first; on EBUSY the errno and the pids are logged, everything is killed, `populated 0`
 * awaited by event, and rmdir retried until the deadline.
 *
 * @throws CgroupError ERR_CGROUP_BUSY whose `pids` and text name the survivors; the signal's reason.
 */
export async function removeCgroup(target: Removable, logger: CgroupLogger, options: RemoveOptions): Promise<void> {
  const { signal } = options;
  signal?.throwIfAborted();
  const deadline = performance.now() + Math.min(options.timeoutMs ?? longestRemovalMs, longestRemovalMs);
  let busy = target.tryRemove();
  if (busy !== null) logBusy(target, logger, busy);
  while (busy !== null) {
    target.killAll();
    await waitWithin(target, deadline, signal);
    busy = target.tryRemove();
    if (busy === null) return;
    if (performance.now() >= deadline) throw stillBusy(target, busy);
    await delay(retryMs, undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
}

/** Running out of time is told by the rmdir that follows: its errno and the survivors say more. */
async function waitWithin(target: Removable, deadline: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await target.waitUnpopulated({ timeoutMs: Math.max(0, deadline - performance.now()), signal });
  } catch (error) {
    if (isGone(error)) return;
    if (!(error instanceof CgroupError && error.code === 'ERR_CGROUP_TIMEOUT')) throw error;
  }
}

function logBusy(target: Removable, logger: CgroupLogger, busy: CgroupError): void {
  let pids: number[] | string;
  try {
    pids = target.survivors();
  } catch (error) {
    // The list is for the reader of the log; that it could not be read is as good to know and stops nothing.
    pids = String(error);
  }
  logger.warn(
    { cgroup: target.path, errno: busy.errno, step: busy.step, pids },
    'cgroup is busy: killing its processes',
  );
}

function stillBusy(target: Removable, busy: CgroupError): CgroupError {
  const pids = target.survivors();
  return new CgroupError({
    code: 'ERR_CGROUP_BUSY',
    step: busy.step,
    errno: busy.errno,
    pids,
    text: `remove "${target.path}": ${busy.message}; after cgroup.kill ${pids.length === 0 ? 'no process is listed, but the kernel keeps it' : `these pids are still in it: ${pids.join(', ')}`}. Look for a process in uninterruptible sleep or in a frozen v1 freezer cgroup (/proc/<pid>/stack, /proc/<pid>/cgroup), then remove again`,
    cause: busy,
  });
}
