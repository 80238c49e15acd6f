import { readFileSync, type Stats, statSync } from 'node:fs';
import { uptime } from 'node:os';
import { closeFd, openPidfd, processStartTime, sendSignal } from '@hatchery/linux';

const SIGKILL = 9;
/** USER_HZ, the unit of start times in /proc, on every architecture that we have (proc(5)). */
const ticksPerSecond = 100;

function parentOf(pid: number): number | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold anything, parentheses too.
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return null; // gone
  }
}

function programOf(pid: number): Stats | null {
  try {
    return statSync(`/proc/${pid}/exe`);
  } catch {
    return null; // gone, or a zombie
  }
}

function ageMs(pid: number): number {
  const started = processStartTime(pid);
  return started === null ? 0 : uptime() * 1000 - (Number(started) / ticksPerSecond) * 1000;
}

/**
 * Kills the child in which init waits for an execve that does not come back: between vfork and exec PID 1 itself stands
 * still. Found among `pids` as a child of init that still runs init's own program: a daemon inside, which init adopts,
 * runs another. One that is younger than `leastMs` may be fine and another's. The pidfd is taken before the look that counts, so a recycled pid cannot be hit.
 */
export function killStalledChild(initPid: number, pids: readonly number[], leastMs: number): void {
  const shim = programOf(initPid);
  for (const pid of pids) {
    if (parentOf(pid) !== initPid) continue;
    let pidfd: number;
    try {
      pidfd = openPidfd(pid);
    } catch {
      continue; // gone
    }
    const program = programOf(pid);
    const isShim = shim !== null && program !== null && program.dev === shim.dev && program.ino === shim.ino;
    if (isShim && parentOf(pid) === initPid && ageMs(pid) >= leastMs) sendSignal(pidfd, SIGKILL);
    closeFd(pidfd);
  }
}
