import type { Chroot } from '@hatchery/blocking-io';
import { HatcheryError } from '../errors.ts';
import type { Logger } from '../types.ts';
import { LifecycleFiles } from './lifecycle-files.ts';

/** A handle closes in microseconds, behind what its thread is at; whoever takes so long hangs. */
const closeMs = 5000;

/** The chroot handles of a runtime, by the lifecycles whose roots they are in. */
export class FileHandles {
  readonly #open = new Map<string, LifecycleFiles>();
  /** Those that are being closed in a worker. */
  readonly #closing = new Map<string, Promise<void>>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Of one that lives; its handle is opened when it is first used. Throws ERR_SANDBOX_STATE once it is taken away. */
  of(lifecycleId: string, open: () => Promise<Chroot>): LifecycleFiles {
    if (this.#closing.has(lifecycleId))
      throw new HatcheryError('ERR_SANDBOX_STATE', `lifecycle ${lifecycleId} ends; its files are not reached any more`);
    let files = this.#open.get(lifecycleId);
    if (files === undefined) {
      files = new LifecycleFiles(open);
      this.#open.set(lifecycleId, files);
    }
    return files;
  }

  /**
   * Takes the handle of a lifecycle away at once: nothing begins on it from now on, and what is in flight is given up. A
   * worker closes it; the promise tells when, and never rejects. One that hangs is waited for by nobody who must go on.
   */
  collect(lifecycleId: string): Promise<void> {
    const files = this.#open.get(lifecycleId);
    if (files === undefined) return this.#closing.get(lifecycleId) ?? Promise.resolve();
    this.#open.delete(lifecycleId);
    const closing = files
      .end()
      .catch((error: unknown) => this.#logger.warn({ err: error, lifecycleId }, 'a handle of files was not closed'))
      .finally(() => this.#closing.delete(lifecycleId));
    this.#closing.set(lifecycleId, closing);
    return closing;
  }

  /** Resolves once the handle that was taken away is closed. Rejects with ERR_RESOURCES when a call on it hangs. */
  async requireClosed(lifecycleId: string, what: string): Promise<void> {
    const closing = this.#closing.get(lifecycleId);
    if (closing === undefined) return;
    const timeUp = Promise.withResolvers<never>();
    const text = `${what}: a call on its files hangs, and with it its root stays mounted; try again, or destroy it`;
    const timer = setTimeout(() => timeUp.reject(new HatcheryError('ERR_RESOURCES', text)), closeMs);
    try {
      await Promise.race([closing, timeUp.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}
