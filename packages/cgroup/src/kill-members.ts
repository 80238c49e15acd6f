import { closeFd, LinuxError, openPidfd, sendSignal } from '@hatchery/linux';
import type { CgroupDirectory } from './cgroup-directory.ts';
import { treeProcesses } from './cgroup-tree.ts';

const SIGKILL = 9;

/**
 * Kills the processes of a v1 cgroup and of those below it, which have no cgroup.kill, one by one. Only needed for a process that stands
 * in a sandbox's v1 cgroup but not in its v2 one, as when somebody moved it by hand.
 */
export function killMembers(base: CgroupDirectory, name: string): void {
  for (const pid of treeProcesses(base, name)) {
    const pidfd = openMember(pid);
    if (pidfd === null) continue;
    try {
      // The pid may have been recycled before the pidfd was taken; still listed now, it is the member.
      if (treeProcesses(base, name).includes(pid)) sendSignal(pidfd, SIGKILL);
    } finally {
      closeFd(pidfd);
    }
  }
}

function openMember(pid: number): number | null {
  try {
    return openPidfd(pid);
  } catch (error) {
    if (error instanceof LinuxError && error.code === 'ESRCH') return null;
    throw error;
  }
}
