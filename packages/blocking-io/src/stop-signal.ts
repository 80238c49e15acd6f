/**
 * What Piscina takes in place of an AbortSignal: firing it takes the task from its thread and ends the thread. An
 * AbortController for every job would cost a third of the whole call.
 */
export class StopSignal {
  aborted = false;
  readonly reason = 'stopped';
  #listener: (() => void) | null = null;

  addEventListener(_event: 'abort', listener: () => void): void {
    this.#listener = listener;
  }

  removeEventListener(): void {
    this.#listener = null;
  }

  fire(): void {
    if (this.aborted) return;
    this.aborted = true;
    const listener = this.#listener;
    this.#listener = null;
    listener?.();
  }
}
