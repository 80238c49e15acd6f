import { closeSync } from 'node:fs';
import type { CgroupAnchor } from './base-directory.ts';
import { CgroupBase } from './cgroup-base.ts';
import { CgroupError } from './cgroup-error.ts';
import type { CgroupEvent, CgroupEventFeed } from './cgroup-event-feed.ts';
import type { WaitOptions } from './cgroup-events.ts';
import type { CgroupStats } from './cgroup-stats.ts';
import type { CgroupHost } from './find-cgroup-host.ts';
import type { FreezeOptions } from './freeze.ts';
import type { CgroupLimits } from './limits.ts';
import type { CgroupLogger, RemoveOptions } from './remove-cgroup.ts';
import type { SandboxCgroup } from './sandbox-cgroup.ts';

/** Where to make a cgroup, and what it may use. */
export interface CreateCgroupOptions {
  /** Where to make it: names joined by `/`, such as `builds/42`. It must not exist; missing parents are made. */
  readonly path: string;
  /** Set before anything can run in it. Default: none. */
  readonly limits?: CgroupLimits;
  /** Below what. Default `root`. */
  readonly anchor?: CgroupAnchor;
  /** What `findCgroupHost` found. Default: it is called. */
  readonly host?: CgroupHost;
  /** Told when a removal meets living processes. Default: nobody. */
  readonly logger?: CgroupLogger;
}

/** How long a freeze or a thaw may take. */
export type GroupFreezeOptions = Omit<FreezeOptions, 'part'>;

/** One cgroup for whoever needs no more: no sandboxes, no parts. */
export interface Cgroup {
  /** The v2 directory, for CLONE_INTO_CGROUP; owned by this object. */
  readonly directoryFd: number;
  /** Moves a running process in, in every hierarchy. Its later children are born inside; earlier ones stay out. */
  add(pid: number): void;
  /** Sets the limits given, also while processes run under others, and leaves the rest as they are. */
  setLimits(limits: CgroupLimits): void;
  /** What it uses; what this host does not tell is undefined. @throws CgroupError once it is removed. */
  stats(): CgroupStats;
  /** Resolves once every process in it stands still. @throws CgroupError ERR_CGROUP_TIMEOUT, and all of them run again. */
  freeze(options?: GroupFreezeOptions): Promise<void>;
  /** Lets them run again; resolves once they do. @throws CgroupError ERR_CGROUP_TIMEOUT */
  thaw(options?: GroupFreezeOptions): Promise<void>;
  /** Whether every process in it stands still. */
  frozen(): boolean;
  /** Sends SIGKILL to all of it at once, frozen or not. @throws CgroupError ERR_CGROUP_FROZEN: see {@link SandboxCgroup.kill}. */
  kill(): void;
  /** The processes in it. @throws CgroupError where they cannot be read: that is never "none". */
  pids(): number[];
  /** Whether a process is in it, or below it. */
  populated(): boolean;
  /**
   * What happens to it from now on, told by the kernel; a slow reader gets the newest state and a sum of kills. Ends with its
   * removal; a signal that fires ends it with its reason. Without a memory controller there are no events of type `oom`.
   */
  events(options?: { readonly signal?: AbortSignal }): AsyncIterableIterator<CgroupEvent>;
  /** Resolves once no process is in it. @throws CgroupError ERR_CGROUP_TIMEOUT; the signal's reason */
  waitUnpopulated(options: WaitOptions): Promise<void>;
  /** Kills what is still in it, removes it and those of its parents that are empty then, and closes `directoryFd`. */
  remove(options?: RemoveOptions): Promise<void>;
}

/**
 * Makes a cgroup with limits.
 *
 * @throws CgroupError ERR_CGROUP_EXISTS, ERR_LIMIT_INVALID, ERR_LIMIT_UNENFORCEABLE and what {@link CgroupBase.open}
 *   throws; nothing is left behind then.
 */
export function createCgroup(options: CreateCgroupOptions): Cgroup {
  const { path, limits = {}, ...baseOptions } = options;
  const slash = path.lastIndexOf('/');
  if (slash <= 0) {
    throw new CgroupError({
      code: 'ERR_CGROUP_NAME_INVALID',
      step: 'check path',
      text: `path is ${JSON.stringify(path)}; it must have two parts at least, such as "builds/42"`,
    });
  }
  const base = CgroupBase.open({ ...baseOptions, path: path.slice(0, slash) });
  const group = base.group(path.slice(slash + 1));
  const undo: (() => void)[] = [() => base.close(), () => removeIfEmpty(base)];
  try {
    group.create();
    undo.push(() => group.removeEmpty());
    group.setLimits(limits);
    const directoryFd = group.openDirectory();
    return wrap(base, group, directoryFd);
  } catch (error) {
    for (const step of undo.toReversed()) step();
    throw error;
  }
}

function wrap(base: CgroupBase, group: SandboxCgroup, directoryFd: number): Cgroup {
  let removed = false;
  const identity = group.identity();
  let feeds: CgroupEventFeed[] = [];
  return {
    directoryFd,
    add: (pid) => group.add(pid),
    setLimits: (limits) => group.setLimits(limits),
    stats: () => group.stats({ identity }),
    freeze: ({ timeoutMs, signal } = {}) => group.freeze({ timeoutMs, signal }),
    thaw: ({ timeoutMs, signal } = {}) => group.thaw({ timeoutMs, signal }),
    frozen: () => group.frozen(),
    kill: () => group.kill(),
    events(options) {
      const feed = group.events(options);
      feeds = [...feeds.filter(({ closed }) => !closed), feed];
      return feed;
    },
    pids: () => group.pids(),
    populated: () => group.populated(),
    waitUnpopulated: (wait) => group.waitUnpopulated(wait),
    async remove(options) {
      if (removed) return;
      await group.remove(options);
      // Two removals at once both get here.
      if (removed) return;
      removed = true;
      for (const feed of feeds) feed.close();
      closeSync(directoryFd);
      removeIfEmpty(base);
      base.close();
    },
  };
}

/** The parent may hold other groups: the last one removes it. */
function removeIfEmpty(base: CgroupBase): void {
  try {
    base.remove();
  } catch (error) {
    if (!(error instanceof CgroupError) || error.code !== 'ERR_CGROUP_BUSY') throw error;
  }
}
