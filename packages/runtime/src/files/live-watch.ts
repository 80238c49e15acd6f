import type { ChrootWatch } from '@hatchery/blocking-io';
import type { FileCall, FileCalls, Reached } from './file-calls.ts';
import type { FileChange, FileWatch } from './types.ts';

const end: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** A watch of one lifecycle's files. */
export class LiveWatch implements FileWatch {
  readonly ready: Promise<void>;
  readonly #explain: (error: unknown) => Error;
  readonly #call: FileCall;
  readonly #reached: Reached;
  readonly #watch: Promise<ChrootWatch>;
  #ended = false;

  /** Throws what refuses it at once. */
  constructor(calls: FileCalls, call: FileCall, recursive: boolean) {
    const reached = calls.reach(call);
    const { files, place, stop } = reached;
    this.#call = call;
    this.#reached = reached;
    this.#explain = (error) => calls.explain(call, reached, error);
    this.#watch = files.chroot().then((chroot) => chroot.watch(place.absolute(call.path), { recursive, signal: stop }));
    this.ready = this.#watch
      .then((watch) => watch.ready)
      .catch((error: unknown) => {
        throw this.#explain(error);
      });
    // Who does not ask is told by next().
    this.ready.catch(() => {});
  }

  async next(): Promise<IteratorResult<FileChange, undefined>> {
    if (this.#ended) return end;
    try {
      const { done, value } = await (await this.#watch).next();
      if (done !== true) return { value: changeOf(value) };
      this.#ended = true;
      return end;
    } catch (error) {
      this.#ended = true;
      // Its end is that of what it tells of, as with runtime.events().
      if (this.#reached.over.aborted && this.#call.signal?.aborted !== true) return end;
      throw this.#explain(error);
    }
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#ended = true;
    const watch = await this.#watch.catch(() => null);
    await watch?.return?.();
    return end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

function changeOf({ type, path, from }: FileChange): FileChange {
  return { type, path, ...(from === undefined ? {} : { from }) };
}
