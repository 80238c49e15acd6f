import { createSharedChannel, QueueClosedError, type SharedReceiver, type SharedSender } from '@hatchery/event-queue';
import { type ChrootChange, changeFromMessage } from './watch-change.ts';

/** The worker's side of a watch. */
export interface HeldWatch {
  /** Calls the listener with the reason once the worker can tell nothing more; returns what takes it back. */
  onEnd(listener: (error: Error) => void): () => void;
  close(): Promise<void>;
}

/** What a watch follows, and how. */
export interface ChrootWatchOptions {
  /** Tells what changes in every directory below, too, those made later included. Default false. */
  readonly recursive?: boolean | undefined;
  /**
   * Directories that a recursive watch may have, from 1 to 65,536. Default 8192. With more it is refused (`LinuxError`
   * ENOSPC); those that are made later get an `overflow`.
   */
  readonly maxDirectories?: number | undefined;
  /** Ends the watch: `next()` rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What waits in the channel, of some hundred bytes a change; the rest becomes an `overflow`. */
const CAPACITY_BYTES = 2 ** 20;
/** Changes that are taken out of the channel at once. */
const BATCH = 64;

/**
 * What changes below a watched path, from the call of `watch` on, read or not. It ends with the `remove` of the watched
 * directory, and by `return()` (the end of a `for await`), which lets go of everything in the worker.
 */
export class ChrootWatch implements AsyncIterableIterator<ChrootChange, undefined>, AsyncDisposable {
  /**
   * Resolves once the watch stands: what changes from then on is told. Rejects as the first `next()` does, with what refused
   * the watch: `LinuxError` ENOENT, ENOSPC (too many directories or watches), EMFILE (too many watches of this user).
   */
  readonly ready: Promise<void>;
  readonly #ready = Promise.withResolvers<void>();
  readonly #receiver: SharedReceiver;
  readonly #changes: ChrootChange[] = [];
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#fail(this.#signal?.reason);
  /** Settles when the worker's side is closed, or there never was one. */
  #released: Promise<void> | null = null;
  readonly #opened: Promise<HeldWatch | null>;
  #stopListening = (): void => {};
  /** Set once it has ended; with `error` where one is thrown. */
  #ended: { readonly error?: unknown } | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param open has a worker watch and send what changes */
  constructor(open: (sender: SharedSender) => Promise<HeldWatch>, signal?: AbortSignal) {
    const { sender, receiver } = createSharedChannel({ capacityBytes: CAPACITY_BYTES });
    this.#receiver = receiver;
    this.#signal = signal;
    this.ready = this.#ready.promise;
    // Told by next(), too.
    this.ready.catch(() => {});
    const aborted = signal?.aborted === true;
    this.#opened = aborted ? Promise.resolve(null) : this.#open(open(sender));
    if (aborted) this.#fail(signal.reason);
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** The next change. Calls wait for each other. */
  next(): Promise<IteratorResult<ChrootChange, undefined>> {
    const result = this.#turn.then(() => this.#next());
    this.#turn = result.catch(() => {});
    return result;
  }

  /** Ends the watch; resolves once nothing of it is left. Idempotent. */
  async return(): Promise<IteratorReturnResult<undefined>> {
    await this.#end({});
    return { done: true, value: undefined };
  }

  /** Itself: a watch has one reader. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The same as `return()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #open(opening: Promise<HeldWatch>): Promise<HeldWatch | null> {
    try {
      const held = await opening;
      this.#ready.resolve();
      if (this.#ended === null) this.#stopListening = held.onEnd((error) => this.#fail(error));
      return held;
    } catch (error) {
      this.#fail(error);
      return null;
    }
  }

  async #next(): Promise<IteratorResult<ChrootChange, undefined>> {
    await this.ready.catch(() => {});
    while (this.#ended === null && this.#changes.length === 0) await this.#receive();
    const change = this.#changes.shift();
    if (change !== undefined) return { done: false, value: change };
    const error = this.#ended?.error;
    // Thrown once; whoever asks again is told that there is nothing more.
    this.#ended = {};
    if (error !== undefined) throw error;
    return { done: true, value: undefined };
  }

  async #receive(): Promise<void> {
    const take = (message: Uint8Array): void => void this.#changes.push(changeFromMessage(message));
    try {
      await this.#receiver.drainWait(take, { max: BATCH });
    } catch (error) {
      await this.#end(error instanceof QueueClosedError ? {} : { error });
    }
  }

  #fail(error: unknown): void {
    void this.#end({ error });
  }

  /** The first reason counts. Never rejects. */
  #end(reason: { readonly error?: unknown }): Promise<void> {
    this.#ended ??= reason;
    this.#released ??= this.#release(reason.error);
    return this.#released;
  }

  async #release(error: unknown): Promise<void> {
    this.#changes.length = 0;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    // The worker sees it, and does not finish a beginning that nobody waits for.
    this.#receiver.close();
    this.#ready.reject(error ?? new QueueClosedError('watch'));
    const held = await this.#opened;
    this.#stopListening();
    try {
      await held?.close();
    } catch {
      // Gone with its thread.
    }
  }
}
