import { chownSync, closeSync, mkdirSync, openSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { closeFd, LinuxError, openPidfd, sendSignal } from '@hatchery/linux';

/**
 * A cgroup below a sandbox's `work` for one execution, so that all its descendants can be reached whatever sessions and
 * groups they made. It costs two directories' worth of time (60 us), so only executions with a timeout or an abort
 * signal have one.
 */
export class TreeCgroup {
  readonly #path: string;
  /** Init clones the execution into it; null once it was to be removed. */
  directoryFd: number | null;

  /** @param workFd directory of `work`; @param firstId host id of the sandbox's root, who clones into it */
  constructor(workFd: number, name: string, firstId: number) {
    this.#path = `/proc/self/fd/${workFd}/${name}`;
    mkdirSync(this.#path);
    try {
      chownSync(`${this.#path}/cgroup.procs`, firstId, firstId);
      this.directoryFd = openSync(this.#path, 'r');
    } catch (error) {
      rmdirSync(this.#path);
      throw error;
    }
  }

  signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (signal === 'SIGKILL') {
      // At once and without a race against forks; the cgroup is never used again afterwards.
      this.#ifThere(() => writeFileSync(`${this.#path}/cgroup.kill`, '1'));
      return;
    }
    this.#ifThere(() => terminateAll(() => this.#pids()));
  }

  #pids(): number[] {
    const lines = readFileSync(`${this.#path}/cgroup.procs`, 'latin1').split('\n');
    // 0 stands for a process of another pid namespace; init itself is never in here.
    return lines.map(Number).filter((pid) => pid > 1);
  }

  /** false: it still holds descendants; try again when they may have ended. At the latest it goes with its sandbox. */
  remove(): boolean {
    if (this.directoryFd !== null) closeSync(this.directoryFd);
    this.directoryFd = null;
    try {
      rmdirSync(this.#path);
    } catch (error) {
      // Anything else: the sandbox is gone, and this with it.
      return (error as NodeJS.ErrnoException).code !== 'EBUSY';
    }
    return true;
  }

  #ifThere(act: () => void): void {
    try {
      act();
    } catch (error) {
      // Removed with its sandbox: nobody is left to signal.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENODEV' && code !== 'EBADF') throw error;
    }
  }
}

/**
 * A pid from the list may have been reaped and recycled by anybody before its pidfd was taken. Only one that is still
 * listed afterwards is signalled: its pidfd is then of a process in the cgroup, or of a dead one.
 */
function terminateAll(list: () => number[]): void {
  const pidfds = new Map<number, number>();
  try {
    for (const pid of list()) openIfAlive(pid, pidfds);
    for (const pid of list()) {
      const pidfd = pidfds.get(pid);
      if (pidfd !== undefined) sendSignal(pidfd, constants.signals.SIGTERM);
    }
  } finally {
    for (const pidfd of pidfds.values()) closeFd(pidfd);
  }
}

function openIfAlive(pid: number, pidfds: Map<number, number>): void {
  try {
    pidfds.set(pid, openPidfd(pid));
  } catch (error) {
    if (!(error instanceof LinuxError) || error.code !== 'ESRCH') throw error;
  }
}
