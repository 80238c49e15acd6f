import { readFileSync } from 'node:fs';
import { LinuxError } from './linux-error.ts';

/**
 * When a process started, in clock ticks since boot (field 22 of proc_pid_stat(5)); null when there is none. Together
 * with the pid and the boot id it names one process for ever. Throws `LinuxError` when the file cannot be read.
 */
export function processStartTime(pid: number): bigint | null {
  if (!Number.isSafeInteger(pid) || pid < 1) throw new TypeError(`pid must be a positive integer, not ${pid}`);
  const path = `/proc/${pid}/stat`;
  try {
    return parseStartTime(readFileSync(path, 'latin1'), path);
  } catch (cause) {
    if (cause instanceof LinuxError) throw cause;
    const { code, errno, syscall } = cause as NodeJS.ErrnoException;
    // ESRCH: it ended between the open and the read.
    if (code === 'ENOENT' || code === 'ESRCH') return null;
    throw new LinuxError(syscall ?? 'read', Math.abs(errno ?? 0), `"${path}"`, { cause });
  }
}

// The second field is the program's name in parentheses, which may itself hold spaces and parentheses. No later field
// can hold one, so the last ')' ends it.
function parseStartTime(stat: string, path: string): bigint {
  const fieldsFromThird = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTime = fieldsFromThird[22 - 3];
  if (startTime === undefined || !/^\d+$/.test(startTime)) throw new LinuxError('read', 71, `"${path}", field 22`);
  return BigInt(startTime);
}

let currentBootId: string | undefined;

/** The id of this boot of the kernel (random(4)): pids and start times mean nothing beyond it. */
export function bootId(): string {
  currentBootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  return currentBootId;
}
