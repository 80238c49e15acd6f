import { type Chroot, PoolError } from '@hatchery/blocking-io';

/** The one chroot handle of a lifecycle: opened when it is first used, and again when the thread that held it was lost. */
export class LifecycleFiles {
  readonly #open: () => Promise<Chroot>;
  readonly #ending = new AbortController();
  #chroot: Promise<Chroot> | null = null;

  constructor(open: () => Promise<Chroot>) {
    this.#open = open;
  }

  /** Fires when nothing of it may go on. */
  get ended(): AbortSignal {
    return this.#ending.signal;
  }

  /** The handle, as good as it is known to be. */
  async chroot(): Promise<Chroot> {
    for (;;) {
      this.#ending.signal.throwIfAborted();
      const mine = (this.#chroot ??= this.#open());
      try {
        const chroot = await mine;
        if (!chroot.closed) return chroot;
      } catch (error) {
        if (this.#chroot === mine) this.#chroot = null;
        throw error;
      }
      // Lost. Whoever comes first opens the next one.
      if (this.#chroot === mine) this.#chroot = null;
    }
  }

  /** Has something done; once more on another handle where the first was lost before it had begun. */
  async use<T>(act: (chroot: Chroot) => Promise<T>): Promise<T> {
    const chroot = await this.chroot();
    try {
      return await act(chroot);
    } catch (error) {
      if (!(error instanceof PoolError) || error.started || !chroot.closed) throw error;
      return await act(await this.chroot());
    }
  }

  /** Resolves when the handle is closed; what is in flight is given up now. */
  async end(): Promise<void> {
    this.#ending.abort();
    const chroot = await this.#chroot?.catch(() => null);
    await chroot?.close();
  }
}
