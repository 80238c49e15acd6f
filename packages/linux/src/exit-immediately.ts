import { native } from './native-binding.ts';

/**
 * Ends this process at once with a status from 0 to 255, threads that hang in a system call included (_exit(2)). For the
 * one case in which `process.exit()` never returns: it waits for every worker thread. No handler runs after this.
 */
export function exitImmediately(status: number): never {
  return native().exitImmediately(status);
}
