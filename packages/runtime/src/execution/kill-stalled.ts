import { readFileSync, type Stats, statSync } from 'node:fs';
import { closeFd, openPidfd, sendSignal } from '@hatchery/linux';

const SIGKILL = 9;

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

/**
 * Kills the child in which init waits for an execve that does not come back: between vfork and exec PID 1 itself stands
 * still. Found among `pids` as a child of init that still runs init's own program: a daemon inside, which init adopts,
 * runs another. The pidfd is taken before the look that counts, so a recycled pid cannot be hit.
 */
export function killStalledChild(initPid: number, pids: readonly number[]): void {
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
    if (isShim && parentOf(pid) === initPid) sendSignal(pidfd, SIGKILL);
    closeFd(pidfd);
  }
}
