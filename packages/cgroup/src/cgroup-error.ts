import type { Controller } from './controller.ts';

/**
 * The closed list of what can go wrong in this package.
 *
 * - `ERR_CGROUP_UNSUPPORTED`: this host's cgroups cannot carry a sandbox (pure v1; a v2 without kill or freeze).
 * - `ERR_CGROUP_PERMISSION`: no directory may be made where the base should be.
 * - `ERR_CGROUP_NAME_INVALID`: a name or path that is no cgroup name.
 * - `ERR_CGROUP_EXISTS`: a cgroup that should be new is there already.
 * - `ERR_CGROUP_GONE`: the cgroup does not exist (any more).
 * - `ERR_CGROUP_BUSY`: processes outlived kill and the deadline of a removal; see `pids`.
 * - `ERR_CGROUP_FROZEN`: a v1 freezer holds processes that were killed and keeps them from dying; see `pids`.
 * - `ERR_CGROUP_TIMEOUT`: a cgroup was not yet empty, frozen or thawed when the caller's deadline passed.
 * - `ERR_CGROUP_CLOSED`: the base was closed.
 * - `ERR_CGROUP_IO`: the kernel refused a read or write; see `errno`.
 * - `ERR_LIMIT_INVALID`: a limit's value is out of its range.
 * - `ERR_LIMIT_UNENFORCEABLE`: the kernel cannot enforce a limit here; see `controllers`.
 */
export type CgroupErrorCode =
  | 'ERR_CGROUP_UNSUPPORTED'
  | 'ERR_CGROUP_PERMISSION'
  | 'ERR_CGROUP_NAME_INVALID'
  | 'ERR_CGROUP_EXISTS'
  | 'ERR_CGROUP_GONE'
  | 'ERR_CGROUP_BUSY'
  | 'ERR_CGROUP_FROZEN'
  | 'ERR_CGROUP_TIMEOUT'
  | 'ERR_CGROUP_CLOSED'
  | 'ERR_CGROUP_IO'
  | 'ERR_LIMIT_INVALID'
  | 'ERR_LIMIT_UNENFORCEABLE';

export interface CgroupErrorDetails {
  readonly code: CgroupErrorCode;
  /** What was being done, such as `write memory.max`. */
  readonly step: string;
  /** What was tried on what, what happened, what to do. */
  readonly text: string;
  readonly errno?: string | undefined;
  readonly controllers?: readonly Controller[];
  readonly pids?: readonly number[];
  readonly cause?: unknown;
}

/** The one error class of this package. The message begins with the code. */
export class CgroupError extends Error {
  /** Which of the closed list it is. */
  readonly code: CgroupErrorCode;
  /** What was being done, such as `write memory.max`. */
  readonly step: string;
  /** Name of the kernel's error (`EBUSY`), when a system call failed. */
  readonly errno: string | undefined;
  /** The controllers concerned: a best-effort caller drops their limits and tries again. */
  readonly controllers: readonly Controller[];
  /** The survivors, for `ERR_CGROUP_BUSY` and `ERR_CGROUP_FROZEN`; who did not freeze, for `ERR_CGROUP_TIMEOUT`. */
  readonly pids: readonly number[];

  /** @internal */
  constructor(details: CgroupErrorDetails) {
    super(`[${details.code}] ${details.text}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'CgroupError';
    this.code = details.code;
    this.step = details.step;
    this.errno = details.errno;
    this.controllers = details.controllers ?? [];
    this.pids = details.pids ?? [];
  }
}
