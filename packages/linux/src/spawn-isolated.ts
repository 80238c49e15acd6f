import { native } from './native-binding.ts';

/** What to start, with what. */
export interface SpawnIsolatedOptions {
  /** An open ELF program, e.g. of `createSealedMemfd`. A script cannot be started: its descriptor is closed by then. */
  executableFd: number;
  /** At least argv[0]. */
  argv: readonly string[];
  /** fds[i] becomes descriptor i of the program; they stay the caller's. */
  fds: readonly number[];
  /** A cgroup v2 directory to be born in; the cgroup of this process if left out. */
  cgroupFd?: number;
}

/**
 * Starts a program with an empty environment, exactly the given descriptors, default signal dispositions and no blocked
 * signal (clone3(2), execveat(2)), and returns once it runs. The time taken does not grow with this process's memory,
 * but this thread waits for it.
 *
 * Throws `LinuxError` whose `syscall` is the step that failed: clone3 (EAGAIN, EBUSY, EPERM), dup3, close_range,
 * execveat (EACCES, ENOEXEC, ENOENT), …; then nothing is left of the child. A child that is killed before it reaches the
 * program is not an error here: `reap` tells.
 */
export function spawnIsolated(options: SpawnIsolatedOptions): {
  /** Of this process's pid namespace. */
  pid: number;
  /** A descriptor of it, the caller's: for signals, waits and `reap`. */
  pidfd: number;
} {
  const { executableFd, argv, fds, cgroupFd } = options;
  const [pid, pidfd] = native().spawnIsolated(executableFd, argv, fds, cgroupFd ?? -1);
  return { pid, pidfd };
}
