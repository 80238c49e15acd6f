import {
  checkHandler,
  checkMax,
  checkSignal,
  checkTimeout,
  type DrainOptions,
  type DrainWaitOptions,
} from './call-options.ts';
import {
  BellSleep,
  type ChannelMemory,
  Closed,
  distance,
  FRAME_HEAD_BYTES,
  markClosed,
  ringBell,
  Word,
} from './channel-memory.ts';
import { FrameReader } from './frame-reader.ts';
import { KeepAlive } from './keep-alive.ts';
import { closedError, QueueClosedError, QueueError } from './queue-error.ts';
import { WaitingDrainers } from './waiting-drainers.ts';

/**
 * The consumer's end of a shared channel, in the thread that made it. It believes nothing that stands in the shared
 * memory: counters and lengths are checked, and a message is a private copy before it is looked at.
 */
export class SharedReceiver {
  readonly #memory: ChannelMemory;
  readonly #frames: FrameReader;
  readonly #drainers = new WaitingDrainers();
  readonly #sleep: BellSleep;
  readonly #keepAlive = new KeepAlive();
  #draining = false;
  #closed = false;
  #reason: unknown = undefined;

  constructor(memory: ChannelMemory) {
    this.#memory = memory;
    this.#frames = new FrameReader(memory, Atomics.load(memory.words, Word.read) >>> 0);
    this.#sleep = new BellSleep(memory, Word.dataBell, () => this.#drainers.wakeAll());
  }

  /** Bytes of messages in flight, their heads and padding included. */
  get capacityBytes(): number {
    return this.#memory.capacityBytes;
  }

  /** True once nothing more will be delivered: closed here, or closed by the sender and drained. */
  get closed(): boolean {
    return this.#closed || this.#endReached();
  }

  /**
   * Hands the messages to the handler, in the order in which they were sent, and returns how many: those that were
   * there when the drain began, or `max`. A message is the handler's to keep; it may share its memory with up to 64 KiB
   * of its neighbours, so copy what you keep for long. For handlers that throw, close or drain see `EventQueue.drain`.
   *
   * @throws QueueError `ERR_QUEUE_NESTED_DRAIN`, `ERR_QUEUE_ARGUMENT`.
   * @throws QueueError `ERR_CHANNEL_CORRUPT` when the shared memory holds what no sender writes; the channel is then closed.
   */
  drain(handler: (message: Uint8Array) => void, options?: DrainOptions): number {
    checkHandler('drain', handler);
    checkMax('drain', options?.max);
    this.#refuseNested('drain');
    return this.#deliver(handler, options?.max ?? Infinity);
  }

  /**
   * Like `drain`, but waits for a first message. Resolves to 0 when `timeoutMs` passes without one. Rejects with
   * `QueueClosedError` when the sender has closed and everything is delivered, or with the reason of `close`; when the
   * signal fires, with its reason; with what a handler throws. The wait does not keep the process alive; see `ref`.
   */
  async drainWait(handler: (message: Uint8Array) => void, options: DrainWaitOptions = {}): Promise<number> {
    checkHandler('drainWait', handler);
    checkMax('drainWait', options.max);
    checkTimeout('drainWait', options.timeoutMs);
    checkSignal('drainWait', options.signal);
    this.#refuseNested('drainWait');
    const source = {
      ready: (): boolean => this.#ready(),
      drain: (): number => this.#deliver(handler, options.max ?? Infinity),
      arm: (): void => this.#sleep.start(() => this.#changed()),
    };
    return await this.#drainers.drainWhenReady(source, options);
  }

  /** Keeps the process alive until `unref`, `close` or a drain that finds the channel closed. */
  ref(): this {
    this.#keepAlive.set(!this.closed);
    return this;
  }

  /** Lets the process end although messages may come. */
  unref(): this {
    this.#keepAlive.set(false);
    return this;
  }

  /**
   * Drops what is not delivered and wakes everyone who waits: here with `reason`, or else a `QueueClosedError`, in the
   * sender's thread with a `QueueClosedError`. Closing again does nothing.
   */
  close(reason?: Error): void {
    if (this.#closed) return;
    this.#end(reason);
    markClosed(this.#memory, Closed.receiver);
    this.#drainers.wakeAll();
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #deliver(handler: (message: Uint8Array) => void, max: number): number {
    if (this.#closed) return 0;
    const limit = this.#written();
    const frames = this.#frames;
    let delivered = 0;
    this.#draining = true;
    try {
      while (delivered < max && frames.position !== limit && !this.#closed) {
        const message = this.#take(limit);
        delivered += 1;
        handler(message);
      }
    } finally {
      this.#draining = false;
      frames.release();
      ringBell(this.#memory, Word.spaceBell);
    }
    if (!this.#closed) this.#endReached();
    return delivered;
  }

  #take(limit: number): Uint8Array {
    try {
      return this.#frames.take(limit);
    } catch (error) {
      this.close(error as Error);
      throw error;
    }
  }

  /** The sender's counter, once it is one that a sender can have reached. */
  #written(): number {
    const written = Atomics.load(this.#memory.words, Word.written) >>> 0;
    const waiting = distance(this.#frames.position, written);
    if (waiting <= this.capacityBytes && waiting % FRAME_HEAD_BYTES === 0) return written;
    const text = `the sender's counter is ${waiting} bytes ahead in a ring of ${this.capacityBytes}; the channel is closed`;
    const error = new QueueError('ERR_CHANNEL_CORRUPT', 'drain', text);
    this.close(error);
    throw error;
  }

  #ready(): boolean {
    if (this.#closed) throw closedError('drainWait', this.#reason);
    if (this.#endReached()) throw new QueueClosedError('drainWait');
    return this.#frames.position !== this.#written();
  }

  #changed(): boolean {
    const { words } = this.#memory;
    return Atomics.load(words, Word.closed) !== 0 || Atomics.load(words, Word.written) >>> 0 !== this.#frames.position;
  }

  /** Looks at `closed` first: what a sender committed before it closed is then seen too. */
  #endReached(): boolean {
    const { words } = this.#memory;
    if (Atomics.load(words, Word.closed) === 0) return false;
    if (Atomics.load(words, Word.written) >>> 0 !== this.#frames.position) return false;
    this.#end(undefined);
    return true;
  }

  #end(reason: unknown): void {
    this.#closed = true;
    this.#reason = reason;
    this.#keepAlive.set(false);
  }

  #refuseNested(step: string): void {
    if (!this.#draining) return;
    const text = 'this channel is being drained by the handler that calls; return from it first';
    throw new QueueError('ERR_QUEUE_NESTED_DRAIN', step, text);
  }
}
