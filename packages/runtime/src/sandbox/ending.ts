/**
 * The end of a lifecycle, for those who wait for something of it. The error and the signal are made when somebody asks for
 * them: of five hundred that end in one turn hardly anybody does, and each would cost 20 µs of it.
 */
export class Ending {
  #reason: (() => Error) | null = null;
  #controller: AbortController | null = null;

  get hasBegun(): boolean {
    return this.#reason !== null;
  }

  /** Aborted with the reason, once it has begun. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#reason !== null && !this.#controller.signal.aborted) this.#controller.abort(this.#reason());
    return this.#controller.signal;
  }

  /** The first reason counts. */
  begin(reason: () => Error): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#controller?.abort(reason());
  }

  throwIfBegun(): void {
    if (this.#reason !== null) this.signal.throwIfAborted();
  }
}
