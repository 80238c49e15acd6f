import { checkSignal, type PushOptions } from './call-options.ts';
import {
  BellSleep,
  type ChannelMemory,
  Closed,
  distance,
  FRAME_HEAD_BYTES,
  frameBytes,
  markClosed,
  openChannelMemory,
  ringBell,
  Word,
} from './channel-memory.ts';
import { copyToShared } from './copy-to-shared.ts';
import { KeepAlive } from './keep-alive.ts';
import { QueueClosedError, QueueError } from './queue-error.ts';
import { WaitingProducers } from './waiting-producers.ts';

/** One for all sends that need not wait. */
const DONE: Promise<void> = Promise.resolve();

/** What becomes of a SharedSender in `workerData` or `postMessage`: `attachSharedSender` makes one of it again. */
export interface SharedSenderData {
  /** The memory that both ends have in common. */
  readonly channel: SharedArrayBuffer;
}

/**
 * The producer's end of a shared channel. Hand it to a worker as it is and attach it there. One thread sends, the first
 * that attaches or sends; any holder may close.
 */
export class SharedSender implements SharedSenderData {
  /** The only property that a structured clone carries over. */
  readonly channel: SharedArrayBuffer;
  readonly #memory: ChannelMemory;
  readonly #waiting = new WaitingProducers<Uint8Array>();
  readonly #sleep: BellSleep;
  readonly #keepAlive = new KeepAlive();
  #owner = false;
  #written = 0;
  /** Lags behind the shared one, so that most sends read nothing that the receiver writes. */
  #read = 0;

  constructor(memory: ChannelMemory) {
    this.channel = memory.buffer;
    this.#memory = memory;
    this.#sleep = new BellSleep(memory, Word.spaceBell, () => this.#sendWaiting());
  }

  /** Bytes of messages in flight, their heads and padding included. */
  get capacityBytes(): number {
    return this.#memory.capacityBytes;
  }

  /** Size in bytes of the largest message: the whole ring less the head of a frame. */
  get maxMessageBytes(): number {
    return this.#memory.capacityBytes - FRAME_HEAD_BYTES;
  }

  /** True once either side has closed. */
  get closed(): boolean {
    return Atomics.load(this.#memory.words, Word.closed) !== 0;
  }

  /**
   * Copies the message into the channel; while it is full, waits without spinning, in order, and keeps this thread
   * alive. Resolves once the message is committed: it survives the death of this thread. The bytes may be used again as
   * soon as the call has returned.
   *
   * Rejects with QueueError `ERR_CHANNEL_MESSAGE_SIZE`, `ERR_QUEUE_ARGUMENT`, `ERR_CHANNEL_SENDER_TAKEN` or
   * `ERR_CHANNEL_CORRUPT`, with `QueueClosedError`, or with the signal's reason; the message was then not sent.
   */
  send(bytes: Uint8Array, options?: PushOptions): Promise<void> {
    try {
      checkSignal('send', options?.signal);
      options?.signal?.throwIfAborted();
      if (this.#trySend('send', bytes)) return DONE;
      if (this.closed) throw new QueueClosedError('send');
      return this.#wait(bytes.slice(), options?.signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Copies the message into the channel, or returns false when the channel is full or closed.
   *
   * @throws QueueError as `send` rejects.
   */
  trySend(bytes: Uint8Array): boolean {
    return this.#trySend('trySend', bytes);
  }

  /**
   * Ends the channel: what was committed is still delivered, sends that wait are refused. Called by the creator's
   * thread when the worker has died, it tells the receiver, which cannot know otherwise.
   */
  close(): void {
    markClosed(this.#memory, Closed.sender);
    this.#refuseWaiting(new QueueClosedError('send'));
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Makes this the channel's one sender. @throws QueueError `ERR_CHANNEL_SENDER_TAKEN` */
  claim(step: string): void {
    if (this.#owner) return;
    if (Atomics.compareExchange(this.#memory.words, Word.owner, 0, 1) !== 0) {
      const text = 'this channel has a sender already, here or in another thread; make a channel for each';
      throw new QueueError('ERR_CHANNEL_SENDER_TAKEN', step, text);
    }
    this.#owner = true;
    this.#written = Atomics.load(this.#memory.words, Word.written) >>> 0;
    this.#read = Atomics.load(this.#memory.words, Word.read) >>> 0;
  }

  #wait(bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const sent = this.#waiting.wait(bytes, signal, (_, reason) => {
      // What stood behind a large message may be small enough to go at once, and nobody will ring for it. Not before
      // the signal has told all of its listeners: it may be the signal of that message too.
      queueMicrotask(() => this.#sendWaiting());
      return reason;
    });
    this.#sendWaiting();
    return sent;
  }

  #trySend(step: string, bytes: Uint8Array): boolean {
    if (!(bytes instanceof Uint8Array)) throw new QueueError('ERR_QUEUE_ARGUMENT', step, 'bytes must be a Uint8Array');
    if (bytes.length > this.maxMessageBytes) {
      const text = `the message has ${bytes.length} bytes, this channel carries up to ${this.maxMessageBytes}; raise capacityBytes`;
      throw new QueueError('ERR_CHANNEL_MESSAGE_SIZE', step, text);
    }
    if (!this.#owner) this.claim(step);
    if (this.#waiting.size > 0 || this.closed || !this.#hasSpace(step, bytes.length)) return false;
    this.#commit(bytes);
    return true;
  }

  #hasSpace(step: string, messageBytes: number): boolean {
    const { words, capacityBytes } = this.#memory;
    const needed = frameBytes(messageBytes);
    if (capacityBytes - distance(this.#read, this.#written) >= needed) return true;
    this.#read = Atomics.load(words, Word.read) >>> 0;
    const used = distance(this.#read, this.#written);
    if (used > capacityBytes) {
      const text = `the receiver's counter lies ${used} bytes behind in a ring of ${capacityBytes}; close the channel`;
      throw new QueueError('ERR_CHANNEL_CORRUPT', step, text);
    }
    return capacityBytes - used >= needed;
  }

  /** The counter moves last: a thread that ends in here leaves no part of a message. */
  #commit(bytes: Uint8Array): void {
    const { words, heads, bytes: memory, capacityBytes } = this.#memory;
    const length = bytes.length;
    const head = this.#written & (capacityBytes - 1);
    // Whole frames are multiples of 8, so a head never crosses the end of the ring.
    heads[head >>> 2] = length;
    const start = (head + FRAME_HEAD_BYTES) & (capacityBytes - 1);
    const untilEnd = capacityBytes - start;
    if (length <= untilEnd) copyToShared(memory, start, bytes, 0, length);
    else {
      copyToShared(memory, start, bytes, 0, untilEnd);
      copyToShared(memory, 0, bytes, untilEnd, length);
    }
    this.#written = (this.#written + frameBytes(length)) >>> 0;
    Atomics.store(words, Word.written, this.#written | 0);
    ringBell(this.#memory, Word.dataBell);
  }

  /** Sends what there is space for and sleeps until there is more. Throws nothing: those who wait are told. */
  #sendWaiting(): void {
    try {
      if (this.closed) this.#refuseWaiting(new QueueClosedError('send'));
      while (this.#waiting.size > 0 && this.#hasSpace('send', this.#waiting.next.length))
        this.#commit(this.#waiting.admitNext());
      if (this.#waiting.size > 0)
        this.#sleep.start(() => this.closed || this.#hasSpace('send', this.#waiting.next.length));
    } catch (error) {
      this.#refuseWaiting(error as Error);
    }
    this.#keepAlive.set(this.#waiting.size > 0);
  }

  #refuseWaiting(reason: Error): void {
    while (this.#waiting.size > 0) this.#waiting.refuseNext(reason);
    this.#keepAlive.set(false);
  }
}

/**
 * The sender of a channel that was made in another thread, from what arrived here of its `sender`.
 *
 * @throws QueueError `ERR_CHANNEL_CORRUPT` for data of anything else, `ERR_CHANNEL_SENDER_TAKEN` for a second sender.
 */
export function attachSharedSender(data: SharedSenderData): SharedSender {
  const sender = new SharedSender(openChannelMemory(data?.channel));
  sender.claim('attachSharedSender');
  return sender;
}
