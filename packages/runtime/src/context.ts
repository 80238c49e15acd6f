import type { CgroupBase } from '@hatchery/cgroup';
import { abandonable } from './abandon.ts';
import { RuntimeClosedError } from './errors.ts';
import { EventFeed } from './events/event-feed.ts';
import { WorkQueue } from './events/work-queue.ts';
import { ImageCache } from './image/image-cache.ts';
import { InFlight } from './in-flight.ts';
import type { Instance } from './instance/instance.ts';
import { RangePool } from './instance/range-pool.ts';
import type { OpenOptions } from './open/open-context.ts';
import type { ZygoteKeeper } from './open/zygote-keeper.ts';
import { ReplayBudget } from './output/replay-budget.ts';
import type { LiveSandbox } from './sandbox/sandbox.ts';
import type { Logger, RuntimeEvent, Sandbox } from './types.ts';

/** More creates at a time lose throughput in the kernel (namespace_sem, cgroup_mutex, pernet_ops_rwsem). */
const createsInFlight = 8;

/** What the parts of one open runtime share. */
export class RuntimeContext {
  readonly instance: Instance;
  readonly cgroups: CgroupBase;
  readonly zygotes: ZygoteKeeper;
  readonly options: OpenOptions;
  readonly logger: Logger;
  readonly work: WorkQueue;
  readonly feed: EventFeed = new EventFeed();
  readonly replay: ReplayBudget;
  readonly sandboxes: Map<string, LiveSandbox> = new Map();
  readonly images: ImageCache;
  readonly ranges: RangePool = new RangePool();
  readonly creates: InFlight = new InFlight(createsInFlight);
  /** Work that goes on after its caller was let go; close() waits for it. */
  readonly #background = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();

  constructor(parts: Pick<RuntimeContext, 'instance' | 'cgroups' | 'zygotes' | 'options'>) {
    this.instance = parts.instance;
    this.cgroups = parts.cgroups;
    this.zygotes = parts.zygotes;
    this.options = parts.options;
    this.logger = parts.options.logger;
    this.images = new ImageCache(parts.options.dataDirectory);
    this.work = new WorkQueue(parts.options.drain, this.logger);
    this.replay = new ReplayBudget(parts.options.replayTotalBytes);
  }

  get closing(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Throws RuntimeClosedError once closing has begun. */
  requireOpen(what: string): void {
    if (this.closing) throw new RuntimeClosedError(what);
  }

  beginClosing(): void {
    this.#closing.abort();
  }

  /**
   * Settles like `work`, but rejects at once when the signal fires (AbortError) or the runtime begins to close
   * (RuntimeClosedError). `work` goes on, and `onLate` gets what it still brings.
   */
  untilClosed<T>(
    what: string,
    work: Promise<T>,
    signal: AbortSignal | undefined,
    onLate: (value: T) => void,
  ): Promise<T> {
    const closing = abandonable(what, work, this.#closing.signal, onLate, () => new RuntimeClosedError(what));
    return abandonable(what, closing, signal, onLate);
  }

  /** Tells readers of `events()`, in the drain. */
  tell(type: RuntimeEvent['type'], sandbox: Pick<Sandbox, 'id' | 'lifecycleId'>, reason: string | null = null): void {
    const event = { type, sandboxId: sandbox.id, lifecycleId: sandbox.lifecycleId, at: new Date(), reason };
    this.work.post({ run: () => this.feed.publish(event) });
  }

  /** close() waits for it; a failure is the work's own to report. */
  inBackground(work: Promise<unknown>): void {
    const done = work.catch(() => {}).finally(() => this.#background.delete(done));
    this.#background.add(done);
  }

  async backgroundDone(): Promise<void> {
    while (this.#background.size > 0) await Promise.all(this.#background);
    await this.images.settled();
  }
}
