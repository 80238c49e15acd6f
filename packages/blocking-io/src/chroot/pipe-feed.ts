import { Writer } from '@hatchery/linux';

/** Writes into a pipe at the pace at which it is read. */
export class PipeFeed implements Disposable {
  readonly #writer: Writer;
  #waiting: PromiseWithResolvers<void> | null = null;
  #failure: { readonly reason: unknown } | null = null;

  /** Owns `pipe`. */
  constructor(pipe: number) {
    this.#writer = new Writer(pipe, () => this.#waiting?.resolve());
  }

  /** Resolves once the pipe has all of it. Rejects with `LinuxError` EPIPE when nobody reads any more, and as `fail` says. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      if (this.#failure !== null) throw this.#failure.reason;
      const taken = this.#writer.write(bytes.subarray(at));
      if (taken !== null) {
        at += taken;
        continue;
      }
      this.#waiting = Promise.withResolvers<void>();
      this.#writer.awaitWritable();
      await this.#waiting.promise;
    }
  }

  /** Every write from now on, and the one that waits, rejects with this. */
  fail(reason: unknown): void {
    this.#failure ??= { reason };
    this.#waiting?.resolve();
  }

  /** The reader finds the end. */
  [Symbol.dispose](): void {
    this.#writer.close();
  }
}
