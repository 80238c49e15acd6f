import { closeFd, LinuxError, openPidfd, sendSignal } from '@hatchery/linux';
import type { CgroupDirectory } from './cgroup-directory.ts';

const SIGKILL = 9;

/**
 * Kills the processes of a v1 cgroup, which has no cgroup.kill, one by one. Only needed for a process that stands
 * in a sandbox's v1 cgroup but not in its v2 one, as when somebody moved it by hand.
 */
export function killMembers(base: CgroupDirectory, name: string): void {
  for (const pid of base.processes(name)) {
    const pidfd = openMember(pid);
    if (pidfd === null) continue;
    try {
      // The pid may have been recycled before the pidfd was taken; still listed now, it is the member.
      if (base.processes(name).includes(pid)) sendSignal(pidfd, SIGKILL);
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
