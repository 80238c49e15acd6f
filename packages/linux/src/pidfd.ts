import { native } from './native-binding.ts';

/** How a process ended: by its own `code`, or by a `signal`'s number. */
export interface ReapedStatus {
  /** What it gave to exit(2); null when a signal ended it. */
  readonly code: number | null;
  /** The number of the signal that ended it; null when it exited. */
  readonly signal: number | null;
}

/** A descriptor that names a process for good (pidfd_open(2)). Throws `LinuxError`: ESRCH, EINVAL (no process id), EMFILE. */
export function openPidfd(pid: number): number {
  return native().openPidfd(pid);
}

/**
 * Sends a signal by number (pidfd_send_signal(2)); 0 only asks. False: the process has ended and was reaped.
 * Throws `LinuxError`: EPERM, EBADF.
 */
export function sendSignal(pidfd: number, signal: number): boolean {
  return native().sendSignal(pidfd, signal);
}

/**
 * Collects the status of a child that has ended, once (waitid(2), never waiting). Null: it still lives, is not a child
 * of this process or was reaped before. Throws `LinuxError`: EBADF, EINVAL (no pidfd).
 */
export function reap(pidfd: number): ReapedStatus | null {
  const status = native().reap(pidfd);
  if (status === undefined) return null;
  return status[0] ? { code: status[1], signal: null } : { code: null, signal: status[1] };
}
