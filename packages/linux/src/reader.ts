import { type NativeHandle, native } from './native-binding.ts';

/**
 * The reading end of a pipe or the master of a terminal, without a stream around it: the owner says when it wants to be
 * called and reads into its own memory. A third of the time that a `net.Socket` costs to make, and every byte is in the
 * owner's hands from the moment it has left the kernel.
 */
export class Reader implements Disposable {
  readonly #handle: NativeHandle;
  #closed = false;

  /**
   * Owns `fd`, which a function of this package returned in this thread, from now on. Stopped until `start`. Throws
   * `LinuxError`: EBADF, EPERM when the file cannot be polled; `fd` is then still the caller's.
   * @param onReadable called while it is started and a read would not wait; at the end of the file, too
   */
  constructor(fd: number, onReadable: () => void) {
    this.#handle = native().openReader(fd, onReadable);
  }

  /** From now on `onReadable` is called, and the event loop kept alive. */
  start(): void {
    native().setFlowing(this.#handle, true);
  }

  /** `onReadable` is no longer called; what comes is kept by the kernel. */
  stop(): void {
    native().setFlowing(this.#handle, false);
  }

  /**
   * Reads what is there, up to the buffer's length (read(2)). The number of bytes, 0 at the end of the file (of a
   * terminal: EIO), null when there is nothing now. Throws `LinuxError`.
   */
  read(buffer: Buffer): number | null {
    const length = native().readInto(this.#handle, buffer);
    return length < 0 ? null : length;
  }

  /** Bytes that are there to be read (FIONREAD, ioctl_tty(2)); 0 once closed. */
  get pending(): number {
    return native().readerPending(this.#handle);
  }

  /** Asks for room for `bytes` in the pipe (F_SETPIPE_SZ, fcntl(2)); false when it is none or the kernel grants no more. */
  widen(bytes: number): boolean {
    return native().widenReader(this.#handle, bytes);
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Closes the descriptor; idempotent, from inside `onReadable` too. */
  close(): void {
    this.#closed = true;
    native().closeWatch(this.#handle);
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
