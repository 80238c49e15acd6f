import type { CgroupBase } from '@hatchery/cgroup';
import { readShim, startZygote, type Zygote } from '@hatchery/zygote-ipc';
import { closeSync } from 'node:fs';
import type { Logger } from '../types.ts';

/** Keeps one zygote running: when it dies, another is started at once. */
export class ZygoteKeeper {
  readonly #shim: Uint8Array;
  readonly #cgroups: CgroupBase;
  readonly #logger: Logger;
  readonly #leaf: number;
  readonly #gone = new Set<Promise<void>>();
  #current: Promise<Zygote>;
  #closed = false;

  constructor(cgroups: CgroupBase, logger: Logger) {
    this.#cgroups = cgroups;
    this.#logger = logger;
    this.#shim = readShim();
    this.#leaf = cgroups.openLeaf('zygote');
    this.#current = this.#start();
  }

  /** The running zygote; rejects with why the last start failed, after which the next call starts again. */
  get(): Promise<Zygote> {
    return this.#current;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const zygote = await this.#current.catch(() => null);
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
    // Whoever asks for it gets the rejection; until then it is nobody's.
    started.catch(() => {});
    return started;
  }

  #onDeath(error: Error, dead: Promise<Zygote>): void {
    this.#logger.warn({ err: error }, 'the zygote died; sandboxes live on and a new one is started');
    const gone = dead.then((zygote) => zygote.close()).finally(() => this.#gone.delete(gone));
    this.#gone.add(gone);
    if (!this.#closed) this.#current = this.#start();
  }
}
