import { native } from './native-binding.ts';

/**
 * Closes a descriptor that a function of this package returned in this thread (close(2)).
 * Throws `LinuxError` EBADF when this thread does not own it: closed or released before, or opened elsewhere.
 */
export function closeFd(fd: number): void {
  native().closeFd(fd);
}

/**
 * Takes a descriptor out of this thread's clean-up and returns it: from now on somebody else (a `net.Socket`, `node:fs`,
 * another thread) closes it. Throws `LinuxError` EBADF when this thread does not own it.
 */
export function releaseFd(fd: number): number {
  return native().releaseFd(fd);
}

/**
 * Takes a descriptor that another thread let go of with `releaseFd` into this thread's clean-up and returns it: this
 * thread owns it from now on. Throws `LinuxError`: EBADF (not open), EEXIST (this thread owns it already).
 */
export function adoptFd(fd: number): number {
  return native().adoptFd(fd);
}

/** Another descriptor of the same open file, close-on-exec and owned by this thread (dup(2)). Throws `LinuxError`. */
export function duplicateFd(fd: number): number {
  return native().duplicateFd(fd);
}

/**
 * The descriptors that this thread owns and that are closed when it ends, in ascending order. Channels and watches hold
 * theirs beside this list.
 */
export function registeredFds(): number[] {
  return native().registeredFds();
}
