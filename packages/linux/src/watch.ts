import { type NativeHandle, native } from './native-binding.ts';

/** In the order of `kinds` in native/watch.c. */
const WatchKind = { readable: 0, writable: 1, priority: 2 } as const;

/** A running watch; disposing stops it, from inside the callback too, and is idempotent. */
export interface Watch extends Disposable {
  /** Lets the watch keep the event loop alive, as it does from the start. */
  ref(): void;
  /** Lets the process end although the watch has not called. */
  unref(): void;
}

/**
 * Calls `onReady` once, when a read from `fd` would not wait: bytes, end of file, an error, or, for a pidfd, the exit of
 * its process. The watch then ends by itself. It holds a duplicate of `fd`, which may be closed meanwhile.
 * Throws `LinuxError`: EPERM when the file cannot be polled, EMFILE.
 */
export function watchReadable(fd: number, onReady: () => void): Watch {
  return startWatch(fd, onReady, WatchKind.readable);
}

/**
 * Calls `onReady` once, when a write to `fd` would not wait: of a socket that connects, when it has or has failed to. The
 * watch then ends by itself. It holds a duplicate of `fd`, which may be closed meanwhile.
 * Throws `LinuxError` as `watchReadable` does.
 */
export function watchWritable(fd: number, onReady: () => void): Watch {
  return startWatch(fd, onReady, WatchKind.writable);
}

/**
 * Calls `onChange` at every POLLPRI, e.g. when a cgroup's `cgroup.events` changed. Read the file once after the watch
 * has begun: what changed before is seen by that read, what changes later by a call. `fd` must be readable.
 * Throws `LinuxError` as `watchReadable` does.
 */
export function watchPriority(fd: number, onChange: () => void): Watch {
  return startWatch(fd, onChange, WatchKind.priority);
}

function startWatch(fd: number, callback: () => void, kind: number): Watch {
  const handle: NativeHandle = native().watchFd(fd, callback, kind);
  return {
    ref: () => native().setReferenced(handle, true),
    unref: () => native().setReferenced(handle, false),
    [Symbol.dispose]: () => native().closeWatch(handle),
  };
}
