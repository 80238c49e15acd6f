import { readFileSync } from 'node:fs';
import { closeFd, openPidfd, sendSignal } from '@hatchery/linux';

const SIGKILL = 9;
/** Forked and not execed since (include/linux/sched.h); field 9 of /proc/<pid>/stat. */
const PF_FORKNOEXEC = 0x40;

interface Stat {
  readonly parent: number;
  readonly flags: number;
}

function readStat(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold anything, parentheses too.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), flags: Number(fields[6]) };
  } catch {
    return null; // gone
  }
}

/**
 * Kills the child in which init waits for an execve that does not come back: between vfork and exec PID 1 itself stands
 * still. Found among `pids` as a child of init that has not execed; the pidfd is taken before the second look, so a
 * recycled pid cannot be hit.
 */
export function killStalledChild(initPid: number, pids: readonly number[]): void {
  for (const pid of pids) {
    if (readStat(pid)?.parent !== initPid) continue;
    let pidfd: number;
    try {
      pidfd = openPidfd(pid);
    } catch {
      continue; // gone
    }
    const stat = readStat(pid);
    if (stat !== null && stat.parent === initPid && (stat.flags & PF_FORKNOEXEC) !== 0) sendSignal(pidfd, SIGKILL);
    closeFd(pidfd);
  }
}
