import type { LinuxError } from './linux-error.ts';
import { type NativeBinding, type NativeHandle, native } from './native-binding.ts';

/** One received message. A truncated message carries no descriptors: those that came with it are closed. */
export interface Message {
  /** Its bytes, the receiver's own. */
  readonly data: Buffer;
  /** Owned by the receiving thread: `closeFd` or `releaseFd` each. */
  readonly fds: readonly number[];
  /** The message was longer than `maxBytes`; `data` is its beginning (MSG_TRUNC). */
  readonly truncated: boolean;
  /** The message brought more than `maxFds` descriptors, or this process has no room for them (MSG_CTRUNC). */
  readonly controlTruncated: boolean;
}

/** Bounds of a channel, and who gets what comes. */
export interface SeqpacketChannelOptions {
  /** The longest message in either direction, in bytes. */
  maxBytes: number;
  /** The most descriptors a message may carry, at most 253. */
  maxFds: number;
  /** For each message, in the order in which they were sent. */
  onMessage(message: Message): void;
  /** Once, when the peer is gone (null: end of file) or the socket failed; everything the peer sent came before. */
  onClose(error: LinuxError | null): void;
}

// Messages are received one at a time and copied out at once, so one area serves every channel of the thread.
function growReceiveArea(binding: NativeBinding, bytes: number): void {
  // The addon refuses a maxBytes that is no integer or beyond the area.
  if (!(bytes > (binding.receiveArea?.length ?? 0) && bytes <= LARGEST_MESSAGE_BYTES)) return;
  const grown = Buffer.allocUnsafeSlow(Math.ceil(bytes));
  binding.setReceiveArea(grown);
  binding.receiveArea = grown;
}

// From Buffer's pool, which costs a fraction of a Buffer made in native code.
function copyReceived(binding: NativeBinding, length: number): Buffer {
  const data = Buffer.allocUnsafe(length);
  binding.receiveArea?.copy(data, 0, 0, length);
  return data;
}

// As in native/channel.c.
const DATA_TRUNCATED = 1;
const CONTROL_TRUNCATED = 2;
const LARGEST_MESSAGE_BYTES = 1 << 30;
const NO_FDS: readonly number[] = Object.freeze([]);

/**
 * Messages with descriptors over a SEQPACKET socket (unix(7)), on the event loop of the thread that made it. Owns its
 * descriptor from construction on. Callbacks run like any callback of Node: what they throw is an uncaughtException,
 * and the channel goes on.
 */
export class SeqpacketChannel implements Disposable {
  readonly #handle: NativeHandle;

  /** Throws `LinuxError` (EPROTOTYPE: another kind of socket) or `TypeError`; the descriptor then stays the caller's. */
  constructor(fd: number, options: SeqpacketChannelOptions) {
    const { maxBytes, maxFds } = options;
    const binding = native();
    growReceiveArea(binding, maxBytes);
    this.#handle = binding.openChannel(
      fd,
      maxBytes,
      maxFds,
      (length, fds, flags) =>
        options.onMessage({
          data: copyReceived(binding, length),
          fds: fds ?? NO_FDS,
          truncated: (flags & DATA_TRUNCATED) !== 0,
          controlTruncated: (flags & CONTROL_TRUNCATED) !== 0,
        }),
      (error) => options.onClose(error),
    );
  }

  /**
   * Sends one message; the data is copied and the descriptors are duplicated, both stay the caller's. True: the kernel
   * has it. False: the socket is full, and the message waits its turn; the caller should slow down.
   * Throws `LinuxError`: EMSGSIZE over a limit (nothing is sent), EINVAL for an empty message (the peer would take it
   * for end of file), EPIPE and ECONNRESET when the peer is gone, EBADF after `close`.
   */
  send(data: Uint8Array, fds?: readonly number[]): boolean {
    return native().sendMessage(this.#handle, data, fds);
  }

  /** How many messages wait for room in the socket. */
  get queued(): number {
    return native().queuedMessages(this.#handle);
  }

  /** Lets the channel keep the event loop alive, as it does from the start. */
  ref(): void {
    native().setReferenced(this.#handle, true);
  }

  /** Lets the process end although messages may come. */
  unref(): void {
    native().setReferenced(this.#handle, false);
  }

  /** Closes the socket; queued messages are dropped and no callback follows. Idempotent. */
  close(): void {
    native().closeChannel(this.#handle);
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
