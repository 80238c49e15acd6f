import { setTimeout as delay } from 'node:timers/promises';
import { CgroupError } from './cgroup-error.ts';
import type { WaitOptions } from './cgroup-events.ts';
import { isGone } from './cgroup-tree.ts';
import { describeHeld, type HeldProcess } from './v1-freezer.ts';

/** A removal that met resistance. */
export interface BusyCgroup {
  /** Its path. */
  readonly cgroup: string;
  /** The kernel's error, `EBUSY` mostly; undefined where it was another. */
  readonly errno: string | undefined;
  /** What was being done. */
  readonly step: string;
  /** Or why they could not be read. */
  readonly pids: readonly number[] | string;
}

/** Where it is told. pino's shape. */
export interface CgroupLogger {
  /** A removal goes on, but had to kill. */
  warn(details: BusyCgroup, message: string): void;
}

/** What a removal does to a cgroup. */
export interface Removable {
  readonly path: string;
  /** Plain rmdir in every hierarchy; the error that names what is busy, or null. */
  tryRemove(): CgroupError | null;
  /**
   * cgroup.kill, and the members of v1 cgroups that it did not reach. Takes what is killed out of v1's freezer, and returns
   * what that holds all the same.
   */
  killAll(): readonly HeldProcess[];
  waitUnpopulated(options: WaitOptions): Promise<void>;
  /** Process ids in every hierarchy. */
  survivors(): number[];
}

/** How patient a removal is. */
export interface RemoveOptions {
  /** How long to wait and retry once the cgroup turned out busy, in milliseconds; default and most 2000. */
  readonly timeoutMs?: number;
  /** Gives up: the call rejects with the signal's reason, and the cgroup may still be there. */
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
    const held = target.killAll();
    await waitWithin(target, deadline, signal);
    busy = target.tryRemove();
    if (busy === null) return;
    if (performance.now() >= deadline) throw stillBusy(target, busy, held);
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
  const pids = survivorsOf(target);
  logger.warn(
    { cgroup: target.path, errno: busy.errno, step: busy.step, pids },
    'cgroup is busy: killing its processes',
  );
}

/** The list is for its reader; that it could not be read is as good to know and hides no other error. */
function survivorsOf(target: Removable): number[] | string {
  try {
    return target.survivors();
  } catch (error) {
    return String(error);
  }
}

function stillBusy(target: Removable, busy: CgroupError, held: readonly HeldProcess[]): CgroupError {
  const pids = survivorsOf(target);
  return new CgroupError({
    code: 'ERR_CGROUP_BUSY',
    step: busy.step,
    errno: busy.errno,
    pids: typeof pids === 'string' ? [] : pids,
    text: `remove "${target.path}": ${busy.message}; after cgroup.kill ${describeSurvivors(pids)}${describeHeld(held)}. Look for a process in uninterruptible sleep (/proc/<pid>/stack), then remove again`,
    cause: busy,
  });
}

function describeSurvivors(pids: readonly number[] | string): string {
  if (typeof pids === 'string') return `it cannot be read who is still in it (${pids})`;
  if (pids.length === 0) return 'no process is listed, but the kernel keeps it';
  return `these pids are still in it: ${pids.join(', ')}`;
}
