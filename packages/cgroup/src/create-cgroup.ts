import { closeSync } from 'node:fs';
import type { CgroupAnchor } from './base-directory.ts';
import { CgroupBase } from './cgroup-base.ts';
import { CgroupError } from './cgroup-error.ts';
import type { CgroupHost } from './find-cgroup-host.ts';
import type { CgroupLimits } from './limits.ts';
import type { WaitOptions } from './populated.ts';
import type { CgroupLogger, RemoveOptions } from './remove-cgroup.ts';

export interface CreateCgroupOptions {
  /** Where to make it: names joined by `/`, such as `builds/42`. It must not exist; missing parents are made. */
  readonly path: string;
  readonly limits?: CgroupLimits;
  readonly anchor?: CgroupAnchor;
  readonly host?: CgroupHost;
  readonly logger?: CgroupLogger;
}

/** One cgroup for whoever needs no more: no sandboxes, no parts. */
export interface Cgroup {
  /** The v2 directory, for CLONE_INTO_CGROUP; owned by this object. */
  readonly directoryFd: number;
  /** Moves a running process in, in every hierarchy. Its later children are born inside; earlier ones stay out. */
  add(pid: number): void;
  setLimits(limits: CgroupLimits): void;
  kill(): void;
  pids(): number[];
  populated(): boolean;
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

function wrap(base: CgroupBase, group: ReturnType<CgroupBase['group']>, directoryFd: number): Cgroup {
  let removed = false;
  return {
    directoryFd,
    add: (pid) => group.add(pid),
    setLimits: (limits) => group.setLimits(limits),
    kill: () => group.kill(),
    pids: () => group.pids(),
    populated: () => group.populated(),
    waitUnpopulated: (wait) => group.waitUnpopulated(wait),
    async remove(options) {
      if (removed) return;
      await group.remove(options);
      // Two removals at once both get here.
      if (removed) return;
      removed = true;
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
