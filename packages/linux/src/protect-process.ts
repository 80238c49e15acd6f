import { native } from './native-binding.ts';

/**
 * Keeps this process's memory to itself: no core dumps, no attaching and no /proc/<pid>/mem for other processes of the
 * same user (PR_SET_DUMPABLE of prctl(2), RLIMIT_CORE of setrlimit(2)). Cannot be undone. Throws `LinuxError`.
 */
export function protectProcess(): void {
  native().protectProcess();
}
