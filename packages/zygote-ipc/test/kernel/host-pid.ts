import { readFileSync } from 'node:fs';

/** The process of a pidfd, as this namespace sees it. */
export function hostPid(pidfd: number): number {
  const pid = /^Pid:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${pidfd}`, 'utf8'))?.[1];
  if (pid === undefined) throw new Error(`descriptor ${pidfd} is no pidfd of a live process`);
  return Number(pid);
}
