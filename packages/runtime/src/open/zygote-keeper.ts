import { closeSync } from 'node:fs';
import type { CgroupBase } from '@hatchery/cgroup';
import { startZygote, type Zygote } from '@hatchery/zygote-ipc';
import type { Logger } from '../types.ts';

/** Keeps one zygote running: when it dies, another is started at once. */
export class ZygoteKeeper {
  readonly #shim: Uint8Array;
  readonly #cgroups: CgroupBase;
  readonly #logger: Logger;
  readonly #leaf: number;
  readonly #gone = new Set<Promise<void>>();
  #current: Promise<Zygote> | null = null;
  #closed = false;

  /** @param shim verified bytes, the same for every zygote of this runtime */
  constructor(shim: Uint8Array, cgroups: CgroupBase, logger: Logger) {
    this.#cgroups = cgroups;
    this.#logger = logger;
    this.#shim = shim;
    this.#leaf = cgroups.openLeaf('zygote');
  }

  /** The running zygote, or a new one; rejects with why it cannot be started, after which the next call tries again. */
  get(): Promise<Zygote> {
    this.#current ??= this.#start();
    return this.#current;
  }

  /** Ends a zygote that does not answer, or is dead, so that it does nothing any more; resolves when its process is gone. */
  async replace(zygote: Zygote): Promise<void> {
    // Somebody may have done so already; the one that came after it is fine.
    const current = this.#current;
    if ((await current?.catch(() => null)) === zygote && this.#current === current)
      this.#current = this.#closed ? null : this.#start();
    await zygote.kill();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const zygote = await this.#current?.catch(() => null);
    await zygote?.close();
    await Promise.all(this.#gone);
    closeSync(this.#leaf);
  }

  #start(): Promise<Zygote> {
    const started = startZygote({
      shim: this.#shim,
      cgroups: { leaf: this.#leaf, ...this.#cgroups.directories },
      onDeath: (error) => this.#onDeath(error, started),
    });
    // Whoever asked for it gets the rejection, too.
    started.catch(() => {
      if (this.#current === started) this.#current = null;
    });
    return started;
  }

  async #bury(dead: Promise<Zygote>): Promise<void> {
    await (await dead).close();
  }

  #onDeath(error: Error, dead: Promise<Zygote>): void {
    this.#logger.warn({ err: error }, 'the zygote died; sandboxes live on and a new one is started');
    const gone = this.#bury(dead);
    this.#gone.add(gone);
    if (this.#current !== dead) return;
    // At once, so that the next create need not wait. One that dies in its start is only started again when asked for.
    this.#current = this.#closed ? null : this.#start();
  }
}
