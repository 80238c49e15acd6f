import type { OperationName } from '../operations/operation.ts';
import type { Site } from '../site.ts';

/** A contestant that cannot run on this machine; the message says what to do about it. */
export class AbsentError extends Error {
  readonly code = 'ERR_BENCH_ABSENT';
  override readonly name = 'AbsentError';
}

export interface Contestant {
  readonly name: string;
  /** What this one does not do, or does ahead of the clock: it is printed beside its figures. */
  readonly leavesOut: string;
  /** Throws {@link AbsentError} when it is not on this machine. */
  open(site: Site): Promise<Participant>;
}

/** An opened contestant. Every number is milliseconds. It holds at most one sandbox of `create` at a time. */
export abstract class Participant implements AsyncDisposable {
  abstract readonly version: string;
  abstract readonly operations: ReadonlySet<OperationName>;

  /** Off the clock: what may be made ahead for the next `sandboxes` sandboxes. */
  async prepare(_sandboxes: number): Promise<void> {}

  async createToExit(_command: readonly string[]): Promise<number> {
    throw this.#refuse('createToExit');
  }

  /** Until the first byte of its output; the sandbox is gone afterwards. */
  async firstByte(_command: readonly string[]): Promise<number> {
    throw this.#refuse('firstByte');
  }

  /** Off the clock: sandboxes that are made ahead. */
  async prepareParked(_sandboxes: number): Promise<void> {
    throw this.#refuse('prepareParked');
  }

  /** As `firstByte`, in what `prepareParked` made. */
  async parkedFirstByte(_command: readonly string[]): Promise<number> {
    throw this.#refuse('parkedFirstByte');
  }

  /** Leaves one running sandbox behind, for `exec` and `destroy`. */
  async create(): Promise<number> {
    throw this.#refuse('create');
  }

  async exec(_command: readonly string[]): Promise<number> {
    throw this.#refuse('exec');
  }

  async destroy(): Promise<number> {
    throw this.#refuse('destroy');
  }

  /** `count` sandboxes asked for at once; until the last exit was seen. */
  async burst(_count: number, _command: readonly string[]): Promise<number> {
    throw this.#refuse('burst');
  }

  /** As `burst`, in what `prepareParked` made. */
  async parkedBurst(_count: number, _command: readonly string[]): Promise<number> {
    throw this.#refuse('parkedBurst');
  }

  /** `count` times create, run and destroy, eight at a time; until the last destroy is done. */
  async cycles(_count: number, _command: readonly string[]): Promise<number> {
    throw this.#refuse('cycles');
  }

  abstract [Symbol.asyncDispose](): Promise<void>;

  #refuse(method: string): Error {
    return new Error(`${this.constructor.name}.${method} was called, but its operations do not list it`);
  }
}
