import { MAX_TIMER_MS } from './call-options.ts';

/** Keeps the thread's event loop alive, which a wait for shared memory alone does not. */
export class KeepAlive {
  #timer: NodeJS.Timeout | null = null;

  set(on: boolean): void {
    if (on) this.#timer ??= setInterval(() => {}, MAX_TIMER_MS);
    else if (this.#timer !== null) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
  }
}
