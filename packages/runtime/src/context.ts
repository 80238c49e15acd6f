import type { BlockingPool } from '@hatchery/blocking-io';
import type { CgroupBase } from '@hatchery/cgroup';
import { abandonable } from './abandon.ts';
import { DiskRoots } from './disk/disk-roots.ts';
import { RuntimeClosedError } from './errors.ts';
import { EventFeed } from './events/event-feed.ts';
import { WorkQueue } from './events/work-queue.ts';
import { FileHandles } from './files/file-handles.ts';
import { fileSubscriber } from './files/file-subscriber.ts';
import { Collector } from './gc/collector.ts';
import { collectorHost } from './gc/runtime-host.ts';
import { ImageCache } from './image/image-cache.ts';
import { InFlight } from './in-flight.ts';
import type { Instance } from './instance/instance.ts';
import { RangePool } from './instance/range-pool.ts';
import { LoopGauge } from './loop-delay/loop-gauge.ts';
import { publicResolvers } from './network/resolvers.ts';
import { Slots } from './network/slots.ts';
import type { OpenOptions } from './open/open-context.ts';
import { openContexts } from './open/open-contexts.ts';
import type { ZygoteKeeper } from './open/zygote-keeper.ts';
import { ReplayBudget } from './output/replay-budget.ts';
import { poolHost } from './pool/runtime-host.ts';
import { WarmPool } from './pool/warm-pool.ts';
import { IdLocks } from './sandbox/id-locks.ts';
import { Reaper } from './sandbox/reaper.ts';
import type { LiveSandbox } from './sandbox/sandbox.ts';
import { Turns } from './sandbox/turns.ts';
import { SandboxMap } from './sandbox-map/sandbox-map.ts';
import { Subscribers } from './sandbox-map/subscribers.ts';
import type { Logger, RuntimeEvent } from './types.ts';

/** More creates at a time lose throughput in the kernel (namespace_sem, cgroup_mutex, pernet_ops_rwsem). */
const createsInFlight = 8;

/** What the parts of one open runtime share. */
export class RuntimeContext {
  readonly instance: Instance;
  readonly cgroups: CgroupBase;
  readonly zygotes: ZygoteKeeper;
  readonly workers: BlockingPool;
  readonly disks: DiskRoots;
  /** Whoever changes a sandbox holds the lock of its id. */
  readonly locks: IdLocks = new IdLocks();
  readonly options: OpenOptions;
  readonly logger: Logger;
  readonly work: WorkQueue;
  readonly feed: EventFeed = new EventFeed();
  readonly replay: ReplayBudget;
  readonly sandboxes: SandboxMap<LiveSandbox>;
  readonly loop: LoopGauge;
  readonly fileHandles: FileHandles;
  readonly images: ImageCache;
  readonly ranges: RangePool = new RangePool();
  readonly slots: Slots;
  readonly collector: Collector;
  /** null: this runtime makes nothing ahead. */
  readonly pool: WarmPool | null;
  readonly creates: InFlight = new InFlight(createsInFlight);
  /** In which the ends of sandboxes begin. */
  readonly ends: Turns = new Turns();
  readonly reaper: Reaper;
  readonly #onOpened: (() => void)[] = [];
  /** Work that goes on after its caller was let go; close() waits for it. */
  readonly #background = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();

  constructor(parts: Pick<RuntimeContext, 'instance' | 'cgroups' | 'zygotes' | 'workers' | 'options'>) {
    this.instance = parts.instance;
    this.cgroups = parts.cgroups;
    this.zygotes = parts.zygotes;
    this.workers = parts.workers;
    this.options = parts.options;
    this.disks = new DiskRoots(parts.options.dataDirectory, parts.instance.name, parts.workers);
    this.logger = parts.options.logger;
    const { network } = parts.options;
    const readyCeiling = parts.options.pool?.ceiling ?? 0;
    this.slots = new Slots({ instanceDirectory: parts.instance.directory, network, logger: this.logger, readyCeiling });
    this.reaper = new Reaper(parts.workers, this.logger);
    this.sandboxes = new SandboxMap(new Subscribers(parts.options.subscriberBudgetMs, this.logger));
    this.loop = new LoopGauge({ budgetMs: parts.options.loopBudgetMs, logger: this.logger });
    this.fileHandles = new FileHandles(this.logger);
    // Ours first: whatever the others do comes after it.
    for (const subscriber of [fileSubscriber(this), ...parts.options.subscribers]) this.sandboxes.subscribe(subscriber);
    const resolvers = async (): Promise<readonly string[]> => network.resolvers ?? (await publicResolvers());
    this.images = new ImageCache(parts.options.dataDirectory, resolvers);
    this.work = new WorkQueue(parts.options.drain, this.logger);
    this.replay = new ReplayBudget(parts.options.replayTotalBytes);
    const { pool } = parts.options;
    this.pool = pool === null ? null : new WarmPool(poolHost(this), pool);
    const { gcIntervalMs: intervalMs, quarantineMs } = parts.options;
    this.collector = new Collector(collectorHost(this), { intervalMs, quarantineMs });
    openContexts.add(this);
  }

  /** Waits until the caller of open() has had its turn with the runtime. */
  onOpened(act: () => void): void {
    this.#onOpened.push(act);
  }

  opened(): void {
    setImmediate(() => {
      for (const act of this.#onOpened.splice(0)) act();
    });
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
  tell(
    type: RuntimeEvent['type'],
    sandbox: { readonly id: string; readonly lifecycleId: string },
    reason: string | null = null,
  ): void {
    const event = { type, sandboxId: sandbox.id, lifecycleId: sandbox.lifecycleId, at: new Date(), reason };
    this.work.post({ run: () => this.feed.publish(event) });
  }

  /** What the pool does waits until it is over. */
  hurrying<T>(work: Promise<T>): Promise<T> {
    return this.pool === null ? work : this.pool.during(this.slots.during(work));
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
