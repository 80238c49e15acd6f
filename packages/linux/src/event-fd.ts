import { native } from './native-binding.ts';

/**
 * A counter that the kernel raises to tell of events (eventfd(2)): 0 at first, non-blocking, close-on-exec, owned by this
 * thread. `watchReadable` tells that it is above 0; reading 8 bytes takes the count. Throws `LinuxError` (EMFILE, ENFILE).
 */
export function createEventFd(): number {
  return native().createEventFd();
}
