import { readFileSync } from 'node:fs';
import { LinuxError } from './linux-error.ts';
import { native } from './native-binding.ts';
import { currentDirectory, OpenFlag, openat2 } from './openat2.ts';
import { sendSignal } from './pidfd.ts';

const ESRCH = 3;
/** Kernels before 6.11 know no ioctl(2) of a pidfd; 6.11 and later have none of a descriptor that is no pidfd. */
const unknownCall: ReadonlySet<string> = new Set(['ENOTTY', 'EINVAL']);

/**
 * A descriptor of the user namespace that a process is in. Throws `LinuxError`: ESRCH (it has ended), EACCES (may not be
 * traced), EBADF, EINVAL (no pidfd).
 */
export function userNamespaceOf(pidfd: number): number {
  try {
    return native().userNamespaceOf(pidfd);
  } catch (error) {
    if (!(error instanceof LinuxError) || !unknownCall.has(error.code)) throw error;
    return userNamespaceByPath(pidfd);
  }
}

/** The way of older kernels, by /proc. */
export function userNamespaceByPath(pidfd: number): number {
  const pid = pidOf(pidfd);
  if (pid <= 0) throw new LinuxError('open', ESRCH, `"/proc/${pid}/ns/user", of pidfd ${pidfd}`);
  const fd = openat2(currentDirectory, `/proc/${pid}/ns/user`, { flags: OpenFlag.O_RDONLY });
  try {
    // Its pid cannot have become another's while it is still there to take signals.
    if (sendSignal(pidfd, 0)) return fd;
  } catch (error) {
    native().closeFd(fd);
    throw error;
  }
  native().closeFd(fd);
  throw new LinuxError('open', ESRCH, `"/proc/${pid}/ns/user", of pidfd ${pidfd}`);
}

/** -1: it has ended; 0: it is not in this pid namespace. */
function pidOf(pidfd: number): number {
  const pid = /^Pid:\t(-?\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${pidfd}`, 'latin1'))?.[1];
  if (pid === undefined) throw new LinuxError('userNamespaceOf', 22, `${pidfd}, which is no pidfd`);
  return Number(pid);
}
