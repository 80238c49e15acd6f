import { checkCount } from './call-options.ts';
import { MAX_CAPACITY_BYTES, MIN_CAPACITY_BYTES, makeChannelMemory } from './channel-memory.ts';
import { SharedReceiver } from './shared-receiver.ts';
import { SharedSender } from './shared-sender.ts';

/** The size of a channel. */
export interface SharedChannelOptions {
  /**
   * Bytes of messages in flight, each with a head of 8 bytes and padded to 8: 1024 to 2^30, rounded up to a power of
   * two. Default 4 MiB. Also bounds the size of one message.
   */
  readonly capacityBytes?: number | undefined;
}

/** The two ends of a channel. */
export interface SharedChannel {
  /** Goes to the worker, in `workerData` or a message, where `attachSharedSender` makes it usable. */
  readonly sender: SharedSender;
  /** Stays with the thread that made the channel. */
  readonly receiver: SharedReceiver;
}

/**
 * A channel for byte messages from one worker to the thread that calls, over a SharedArrayBuffer: bounded, ordered, with
 * waits on both sides that block no thread and poll nothing.
 *
 * @throws QueueError `ERR_QUEUE_ARGUMENT` for a capacity out of range.
 */
export function createSharedChannel(options: SharedChannelOptions = {}): SharedChannel {
  const capacityBytes = options.capacityBytes ?? 4 * 2 ** 20;
  checkCount('createSharedChannel', 'capacityBytes', capacityBytes, MIN_CAPACITY_BYTES, MAX_CAPACITY_BYTES);
  const memory = makeChannelMemory(capacityBytes);
  return { sender: new SharedSender(memory), receiver: new SharedReceiver(memory) };
}
