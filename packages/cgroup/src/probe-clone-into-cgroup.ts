import { closeSync } from 'node:fs';
import { closeFd, LinuxError, reap, spawnIsolated, watchReadable } from '@hatchery/linux';
import type { CgroupBase } from './cgroup-base.ts';

/** What was found out about CLONE_INTO_CGROUP. */
export interface CloneProbe {
  /** A process born into a new cgroup lives. Without this, nothing can be started in a cgroup by CLONE_INTO_CGROUP. */
  readonly intoFresh: boolean;
  /** A process born into a cgroup that was killed before lives. False: such a cgroup is to be removed and made again. */
  readonly intoKilled: boolean;
  /** What was seen, in words. */
  readonly detail: string;
}

/** A tiny program that exits with 0, such as one held in a sealed memfd. */
export interface ProbeProgram {
  /** Of the program; it stays the caller's. */
  readonly executableFd: number;
  /** Its arguments, its name first. */
  readonly argv: readonly [string, ...string[]];
}

/**
 * Tries out a trap of some kernels (seen on Linux 6.18): they kill a child of clone3(CLONE_INTO_CGROUP) at birth
 * when the caller's and the target's v2 cgroup differ in how often cgroup.kill was written to them. So the result
 * holds for callers whose own cgroup has never been killed, if this process's has not.
 */
export async function probeCloneIntoCgroup(base: CgroupBase, program: ProbeProgram): Promise<CloneProbe> {
  const fresh = await bornInto(base, program, 'fresh', false);
  const killed = await bornInto(base, program, 'killed', true);
  return {
    intoFresh: fresh === null,
    intoKilled: killed === null,
    detail: `into a new cgroup: ${fresh ?? 'lives'}; into a cgroup after cgroup.kill: ${killed ?? 'lives'}`,
  };
}

/** Null: the child lived and exited with 0. Else what happened to it. */
async function bornInto(
  base: CgroupBase,
  program: ProbeProgram,
  kind: string,
  killFirst: boolean,
): Promise<string | null> {
  const group = base.group(`probe-clone-${kind}-${process.pid}`);
  group.create();
  try {
    if (killFirst) group.kill();
    return await spawnAndWait(program, group.openDirectory());
  } finally {
    await group.remove();
  }
}

async function spawnAndWait(program: ProbeProgram, cgroupFd: number): Promise<string | null> {
  let pidfd: number | undefined;
  try {
    ({ pidfd } = spawnIsolated({ ...program, fds: [], cgroupFd }));
    const exited = Promise.withResolvers<void>();
    using _watch = watchReadable(pidfd, exited.resolve);
    await exited.promise;
    const status = reap(pidfd);
    if (status?.code === 0) return null;
    return status?.signal === 9 ? 'killed at birth by SIGKILL' : `ended with ${JSON.stringify(status)}`;
  } catch (error) {
    if (error instanceof LinuxError) return error.message;
    throw error;
  } finally {
    if (pidfd !== undefined) closeFd(pidfd);
    closeSync(cgroupFd);
  }
}
