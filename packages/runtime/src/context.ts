import type { CgroupBase } from '@hatchery/cgroup';
import { RuntimeClosedError } from './errors.ts';
import { ImageCache } from './image/image-cache.ts';
import { InFlight } from './in-flight.ts';
import type { Instance } from './instance/instance.ts';
import { RangePool } from './instance/range-pool.ts';
import type { ZygoteKeeper } from './open/zygote-keeper.ts';
import type { LiveSandbox } from './sandbox/sandbox.ts';
import type { Logger } from './types.ts';

/** More creates at a time lose throughput in the kernel (namespace_sem, cgroup_mutex, pernet_ops_rwsem). */
const createsInFlight = 8;

/** What the parts of one open runtime share. */
export class RuntimeContext {
  readonly instance: Instance;
  readonly cgroups: CgroupBase;
  readonly zygotes: ZygoteKeeper;
  readonly runDirectory: string;
  readonly dataDirectory: string;
  readonly logger: Logger;
  readonly sandboxes: Map<string, LiveSandbox> = new Map();
  readonly images: ImageCache;
  readonly ranges: RangePool = new RangePool();
  readonly creates: InFlight = new InFlight(createsInFlight);
  /** Work that goes on after its caller was let go; close() waits for it. */
  readonly #background = new Set<Promise<unknown>>();
  #closing = false;

  constructor(
    parts: Pick<RuntimeContext, 'instance' | 'cgroups' | 'zygotes' | 'runDirectory' | 'dataDirectory' | 'logger'>,
  ) {
    this.instance = parts.instance;
    this.cgroups = parts.cgroups;
    this.zygotes = parts.zygotes;
    this.runDirectory = parts.runDirectory;
    this.dataDirectory = parts.dataDirectory;
    this.logger = parts.logger;
    this.images = new ImageCache(parts.dataDirectory);
  }

  get closing(): boolean {
    return this.#closing;
  }

  /** Throws RuntimeClosedError once closing has begun. */
  requireOpen(what: string): void {
    if (this.#closing) throw new RuntimeClosedError(what);
  }

  beginClosing(): void {
    this.#closing = true;
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
