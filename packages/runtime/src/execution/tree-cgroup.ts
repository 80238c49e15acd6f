import { chownSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { closeFd, LinuxError, openPidfd, sendSignal } from '@hatchery/linux';

/** A sandbox's `work`. */
export interface WorkCgroup {
  /** Of its directory; null once it is closed: the number may be that of another sandbox's then. */
  fd: number | null;
}

/**
 * A cgroup below a sandbox's `work` for one execution, so that all its descendants can be reached whatever sessions and
 * groups they made. It costs two directories' worth of time (60 us), so only executions with a timeout or an abort
 * signal have one.
 */
export class TreeCgroup {
  readonly #work: WorkCgroup;
  readonly #name: string;
  /** Init clones the execution into it; null once it was to be removed. */
  directoryFd: number | null = null;

  private constructor(work: WorkCgroup, name: string) {
    this.#work = work;
    this.#name = name;
  }

  /** Without a sandbox it leads nowhere. */
  get #path(): string {
    return `/proc/self/fd/${this.#work.fd ?? 'closed'}/${this.#name}`;
  }

  /** @param firstId host id of the sandbox's root, who clones into it */
  static make(work: WorkCgroup, name: string, firstId: number): TreeCgroup {
    const tree = new TreeCgroup(work, name);
    mkdirSync(tree.#path);
    try {
      chownSync(`${tree.#path}/cgroup.procs`, firstId, firstId);
      tree.directoryFd = openSync(tree.#path, 'r');
      return tree;
    } catch (error) {
      rmdirSync(tree.#path);
      throw error;
    }
  }

  /** One that an earlier runner made; null: this execution has none. */
  static find(work: WorkCgroup, name: string): TreeCgroup | null {
    const tree = new TreeCgroup(work, name);
    return existsSync(tree.#path) ? tree : null;
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

  /** The cgroup stays. */
  letGo(): void {
    if (this.directoryFd !== null) closeSync(this.directoryFd);
    this.directoryFd = null;
  }

  /** false: it still holds descendants; try again when they may have ended. At the latest it goes with its sandbox. */
  remove(): boolean {
    this.letGo();
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
