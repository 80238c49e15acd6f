import { type NativeHandle, native } from './native-binding.ts';

/** The writing end of a pipe or the master of a terminal, without a stream around it; the counterpart of `Reader`. */
export class Writer implements Disposable {
  readonly #handle: NativeHandle;
  #closed = false;

  /**
   * Owns `fd`, which a function of this package returned in this thread, from now on. Throws `LinuxError`: EBADF, EPERM
   * when the file cannot be polled; `fd` is then still the caller's.
   * @param onWritable called once after each `awaitWritable`, when bytes are taken again or nobody reads any more
   */
  constructor(fd: number, onWritable: () => void) {
    this.#handle = native().openWriter(fd, onWritable);
  }

  /** How many bytes the kernel took (write(2)), null when it takes none now. Throws `LinuxError`, EPIPE when nobody reads. */
  write(bytes: Uint8Array): number | null {
    const length = native().writeFrom(this.#handle, bytes);
    return length < 0 ? null : length;
  }

  /** Keeps the event loop alive until `onWritable` has been called. */
  awaitWritable(): void {
    native().awaitWritable(this.#handle);
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Closes the descriptor; idempotent. */
  close(): void {
    this.#closed = true;
    native().closeWatch(this.#handle);
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
