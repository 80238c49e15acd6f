import { describeErrno } from './linux-error.ts';

/**
 * A step of a teardown that failed: nothing after it was done, the record is kept, and the teardown can be run again.
 * `code` is the errno's name: `EINVAL` for a record that cannot be used, `EPERM` for what must not be signalled or removed
 * (a process that is no sandbox's, a file that another user could have put there), `ETIMEDOUT` and `EBUSY` for processes
 * that do not die (their pids are in the message), else that of the call that failed.
 */
export class TeardownError extends Error {
  /** The name of this class. */
  override readonly name = 'TeardownError';
  /** The errno's name. */
  readonly code: string;
  /** The errno, positive. */
  readonly errno: number;
  /** The step's name, e.g. `remove the cgroups`. */
  readonly step: string;

  /** @param text what was tried on what, e.g. `rmdir(/sys/fs/cgroup/x)` */
  constructor(step: string, errno: number, text: string) {
    const [code, description] = describeErrno(errno);
    super(`[${code}] ${step}: ${text}: ${description}`);
    this.code = code;
    this.errno = errno;
    this.step = step;
  }
}
