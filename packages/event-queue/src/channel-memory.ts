import { QueueError } from './queue-error.ts';

/**
 * The shared memory of a channel: control words, each on a cache line of its own, then a ring of bytes. The ring holds
 * frames: length as 32 bits, padding, the message, padding. `written` and `read` count bytes since the start, modulo
 * 2^32, so that a full ring and an empty one differ. Only the sender writes `written`, only the receiver `read`.
 */
export const Word = { magic: 0, owner: 16, closed: 32, written: 48, read: 64, dataBell: 80, spaceBell: 96 } as const;
export const CONTROL_BYTES = 512;
/** Also what every frame is a multiple of: V8 copies to and from shared memory five times slower when it is not aligned to 8. */
export const FRAME_HEAD_BYTES = 8;
export const MIN_CAPACITY_BYTES = 1024;
export const MAX_CAPACITY_BYTES = 1_073_741_824;

/** Who closed, as bits of the word `closed`. */
export const Closed = { sender: 1, receiver: 2 } as const;

/** A bell that its owner armed before it went to sleep, and that whoever changes something rings. */
const ARMED = 1;
const MAGIC = 0x48455131;

export interface ChannelMemory {
  readonly buffer: SharedArrayBuffer;
  readonly words: Int32Array<SharedArrayBuffer>;
  /** The ring, by bytes and by the heads of frames. */
  readonly bytes: Buffer<SharedArrayBuffer>;
  readonly heads: Int32Array<SharedArrayBuffer>;
  readonly capacityBytes: number;
}

function viewOf(buffer: SharedArrayBuffer): ChannelMemory {
  return {
    buffer,
    words: new Int32Array(buffer, 0, CONTROL_BYTES / 4),
    bytes: Buffer.from(buffer, CONTROL_BYTES),
    heads: new Int32Array(buffer, CONTROL_BYTES),
    capacityBytes: buffer.byteLength - CONTROL_BYTES,
  };
}

/** `capacityBytes` is rounded up to a power of two, which alone divides 2^32 and so survives the counters' overflow. */
export function makeChannelMemory(capacityBytes: number): ChannelMemory {
  const memory = viewOf(new SharedArrayBuffer(CONTROL_BYTES + 2 ** Math.ceil(Math.log2(capacityBytes))));
  Atomics.store(memory.words, Word.magic, MAGIC);
  return memory;
}

/** @throws QueueError `ERR_CHANNEL_CORRUPT` for anything that `makeChannelMemory` did not make. */
export function openChannelMemory(buffer: unknown): ChannelMemory {
  const refuse = (found: string): never => {
    const text = `expected the data of a SharedSender from createSharedChannel(), found ${found}`;
    throw new QueueError('ERR_CHANNEL_CORRUPT', 'attachSharedSender', text);
  };
  if (!(buffer instanceof SharedArrayBuffer)) return refuse('no SharedArrayBuffer');
  const capacityBytes = buffer.byteLength - CONTROL_BYTES;
  if (buffer.growable || capacityBytes < MIN_CAPACITY_BYTES || !Number.isInteger(Math.log2(capacityBytes)))
    return refuse(`shared memory of ${buffer.byteLength} bytes`);
  const memory = viewOf(buffer);
  if (Atomics.load(memory.words, Word.magic) !== MAGIC) return refuse('shared memory of another use or version');
  return memory;
}

/** Bytes of the ring that one message takes. */
export function frameBytes(messageBytes: number): number {
  return FRAME_HEAD_BYTES + Math.ceil(messageBytes / FRAME_HEAD_BYTES) * FRAME_HEAD_BYTES;
}

/** From one counter to a later one; also over the overflow of 32 bits. */
export function distance(from: number, to: number): number {
  return (to - from) >>> 0;
}

/** Whoever changes `written`, `read` or `closed` rings afterwards; one atomic read when nobody sleeps. */
export function ringBell(memory: ChannelMemory, bell: number): void {
  if (Atomics.load(memory.words, bell) !== ARMED) return;
  Atomics.store(memory.words, bell, 0);
  Atomics.notify(memory.words, bell);
}

export function markClosed(memory: ChannelMemory, who: number): void {
  Atomics.or(memory.words, Word.closed, who);
  // Whatever the bells say: a thread that was ended between taking a bell off and ringing it left its peer asleep.
  for (const bell of [Word.dataBell, Word.spaceBell]) {
    Atomics.store(memory.words, bell, 0);
    Atomics.notify(memory.words, bell);
  }
}

/**
 * One side's sleep on its bell, without a thread or a poll. The order loses no wake-up: arm, then look, then sleep only
 * if the bell is still armed. A change before the look is seen by it; one after it finds the bell armed and rings.
 */
export class BellSleep {
  readonly #memory: ChannelMemory;
  readonly #bell: number;
  readonly #onWake: () => void;
  #asleep = false;

  constructor(memory: ChannelMemory, bell: number, onWake: () => void) {
    this.#memory = memory;
    this.#bell = bell;
    this.#onWake = onWake;
  }

  /** Calls `onWake` once, later: when the bell rings, or soon when `changed()` says that there is no need to sleep. */
  start(changed: () => boolean): void {
    if (this.#asleep) return;
    const { words } = this.#memory;
    Atomics.store(words, this.#bell, ARMED);
    const sleep = changed() ? null : Atomics.waitAsync(words, this.#bell, ARMED);
    this.#asleep = true;
    const wake = (): void => {
      this.#asleep = false;
      this.#onWake();
    };
    if (sleep?.async) void sleep.value.then(wake);
    // Not in a microtask: a bell that the other side keeps changing for no reason would starve this thread's other work.
    else setImmediate(wake);
  }
}
