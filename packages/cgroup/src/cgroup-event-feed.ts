import { closeSync } from 'node:fs';
import { watchPriority } from '@hatchery/linux';
import { readStateFrom } from './cgroup-events.ts';
import { isGone } from './cgroup-tree.ts';
import type { OomEvent, OomWatchOptions } from './watch-oom.ts';

/** What happens to a group, told by the kernel. */
export type CgroupEvent =
  | {
      /** Its first process came, or its last one went. */
      readonly type: 'populated';
      /** Whether there is one now. */
      readonly populated: boolean;
    }
  | {
      /** It froze, or thawed. */
      readonly type: 'frozen';
      /** Which of the two. */
      readonly frozen: boolean;
    }
  | {
      /** The OOM killer ended processes of it. */
      readonly type: 'oom';
      /** How many since the last such event. */
      readonly kills: number;
      /** How many since the group was made. */
      readonly total: number;
    };

/** Where a feed learns what happens. */
export interface EventSource {
  readonly path: string;
  /** Opens `cgroup.events`. */
  open(): number;
  oomKills(): number | undefined;
  /** null: this host does not count OOM kills, and there are no events of them. */
  readonly watchOom: ((handler: (event: OomEvent) => void, options: OomWatchOptions) => Disposable) | null;
}

interface Snapshot {
  readonly populated: boolean;
  readonly frozen: boolean;
  readonly oomKills: number;
}

/**
 * The changes of one group from now on, to be iterated once. It holds no queue: a reader that is slow is told the newest state
 * and one sum of kills, never of a change that has been undone by then.
 */
export class CgroupEventFeed implements AsyncIterableIterator<CgroupEvent> {
  readonly #eventsFd: number;
  readonly #path: string;
  readonly #signal: AbortSignal | undefined;
  readonly #watches: Disposable[] = [];
  #told: Snapshot;
  #now: Snapshot;
  #ended: { readonly reason: unknown } | null = null;
  #changed: PromiseWithResolvers<void> = Promise.withResolvers();

  /** @internal */
  constructor(source: EventSource, signal: AbortSignal | undefined) {
    signal?.throwIfAborted();
    this.#path = source.path;
    this.#signal = signal;
    this.#eventsFd = source.open();
    try {
      this.#watches.push(watchPriority(this.#eventsFd, () => this.#look()));
      // Before the watch for more, which counts for itself: what falls in between is in its `total`.
      const oomKills = source.oomKills() ?? 0;
      const handler = ({ total }: OomEvent): void => this.#set({ oomKills: total });
      const watch = source.watchOom?.(handler, { onError: (error) => this.close(error) });
      if (watch !== undefined) this.#watches.push(watch);
      this.#now = { ...this.#readStates(), oomKills };
      this.#told = this.#now;
      signal?.addEventListener('abort', this.#onAbort);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Whether nothing will come any more. */
  get closed(): boolean {
    return this.#ended !== null;
  }

  /** The next change; waits for it. @throws what ended the feed, once */
  async next(): Promise<IteratorResult<CgroupEvent, undefined>> {
    for (;;) {
      const event = this.#ended === null ? this.#takeChange() : null;
      if (event !== null) return { done: false, value: event };
      if (this.#ended !== null) return this.#end(this.#ended.reason);
      await this.#changed.promise;
    }
  }

  /** Ends the iteration. */
  return(): Promise<IteratorResult<CgroupEvent, undefined>> {
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Itself: a feed has one reader. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Ends the iteration, with an error where there is a reason. Idempotent. */
  close(reason?: unknown): void {
    if (this.#ended !== null) return;
    this.#ended = { reason };
    for (const watch of this.#watches) watch[Symbol.dispose]();
    this.#signal?.removeEventListener('abort', this.#onAbort);
    closeSync(this.#eventsFd);
    this.#changed.resolve();
  }

  readonly #onAbort = (): void => this.close(this.#signal?.reason);

  #look(): void {
    try {
      this.#set(this.#readStates());
    } catch (error) {
      // Removed by somebody: nothing more will happen to it.
      this.close(isGone(error) ? undefined : error);
    }
  }

  #readStates(): Pick<Snapshot, 'populated' | 'frozen'> {
    return {
      populated: readStateFrom(this.#eventsFd, 'populated', this.#path),
      frozen: readStateFrom(this.#eventsFd, 'frozen', this.#path),
    };
  }

  #set(change: Partial<Snapshot>): void {
    this.#now = { ...this.#now, ...change };
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  #takeChange(): CgroupEvent | null {
    const { populated, frozen, oomKills } = this.#now;
    const told = this.#told;
    if (oomKills > told.oomKills) {
      this.#told = { ...told, oomKills };
      return { type: 'oom', kills: oomKills - told.oomKills, total: oomKills };
    }
    if (frozen !== told.frozen) {
      this.#told = { ...told, frozen };
      return { type: 'frozen', frozen };
    }
    if (populated === told.populated) return null;
    this.#told = { ...told, populated };
    return { type: 'populated', populated };
  }

  /** The reason is thrown once, as an iteration that failed is over. */
  #end(reason: unknown): IteratorResult<CgroupEvent, undefined> {
    this.#ended = { reason: undefined };
    if (reason !== undefined) throw reason;
    return { done: true, value: undefined };
  }
}
