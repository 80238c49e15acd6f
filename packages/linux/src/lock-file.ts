import { native } from './native-binding.ts';

/**
 * Takes a lock on an open file without waiting (flock(2)); false: held elsewhere. It lasts until every duplicate of the
 * descriptor is closed, the death of the process included. Throws `LinuxError`.
 */
export function lockFile(fd: number, mode: 'shared' | 'exclusive'): boolean {
  return native().lockFile(fd, mode === 'exclusive');
}
