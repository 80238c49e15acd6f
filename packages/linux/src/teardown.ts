import { native } from './native-binding.ts';
import { TeardownError } from './teardown-error.ts';

/** What lived when a teardown began: a destroy of an idle sandbox ends its init, more is what its programs left. */
export interface Ended {
  /** How many processes. */
  readonly alive: number;
  /** Of this pid namespace; the first 64. */
  readonly pids: readonly number[];
}

/** How long the first half may take. */
export interface EndOptions {
  /** All waiting together, in milliseconds. */
  readonly waitMs: number;
}

/** What goes, what stays, and how long that may take. */
export interface ReleaseOptions {
  /** The descriptor that pins the sandbox's root; closed in any case, also when the call fails. */
  readonly rootFd: number | null;
  /** All waiting together, in milliseconds. */
  readonly waitMs: number;
  /** The root on disk stays, for a later start. */
  readonly keepRoot?: boolean;
  /** The directory stays, with the record alone: the socket of an init that is dead would be in the next one's way. */
  readonly keepDirectory?: boolean;
  /** The lease of ids stays. */
  readonly keepRange?: boolean;
}

/**
 * The first half of a teardown: looks at what is alive in a sandbox, kills it, and returns when the kernel has said that
 * nobody is left. Nothing is asked of the sandbox. `directory` is the sandbox's own, `…/sandboxes/<id>`; `head` the head
 * of its record. What is not there is fine; under another boot id nothing is alive and nothing is signalled.
 *
 * Blocks its thread: for workers. Throws `TeardownError`.
 */
export function endSandbox(directory: string, head: string, options: EndOptions): Ended {
  const [alive = 0, ...pids] = native().endSandbox(directory, Buffer.from(head), options.waitMs, TeardownError);
  return { alive, pids };
}

/**
 * The second half: lets go of the root, then removes the cgroups, the root on disk, the sandbox's directory (its record
 * last) and the lease of its ids. Stops at the first step that fails, and can be run again then. A process that is still
 * there is killed again, for at most two seconds.
 *
 * Blocks its thread: for workers. Throws `TeardownError`.
 */
export function releaseSandbox(directory: string, head: string, options: ReleaseOptions): void {
  const { rootFd, waitMs, keepRoot = false, keepDirectory = false, keepRange = false } = options;
  native().releaseSandbox(
    directory,
    Buffer.from(head),
    waitMs,
    TeardownError,
    rootFd ?? -1,
    keepRoot,
    keepDirectory,
    keepRange,
  );
}
