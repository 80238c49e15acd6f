/** Who took how much of a stretch of time in which the event loop did not get round. */
export interface Blocker {
  readonly name: string;
  readonly ms: number;
}

/** The worst stretch so far: what all sections took of it together, and the one that took most. */
export interface Stretch {
  readonly totalMs: number;
  readonly blocker: Blocker;
}

const none: Stretch = { totalMs: 0, blocker: { name: '', ms: 0 } };

/**
 * Adds sections up over the stretches between two ticks of the event loop: forty of 5 ms in one turn hold it up as one of
 * 200 ms does.
 */
export class Stretches {
  readonly #ticks: () => number;
  readonly #running = new Map<string, number>();
  #runningMs = 0;
  #tick = 0;
  #worst = none;

  /** @param ticks how often the loop has come round to its timer */
  constructor(ticks: () => number) {
    this.#ticks = ticks;
  }

  add(name: string, ms: number): void {
    const tick = this.#ticks();
    if (tick !== this.#tick) {
      this.#finish();
      this.#tick = tick;
    }
    this.#running.set(name, (this.#running.get(name) ?? 0) + ms);
    this.#runningMs += ms;
  }

  /** With the one that is still running. */
  get worst(): Stretch {
    return this.#runningMs > this.#worst.totalMs ? this.#summary() : this.#worst;
  }

  forget(): void {
    this.#finish();
    this.#worst = none;
  }

  #finish(): void {
    this.#worst = this.worst;
    this.#running.clear();
    this.#runningMs = 0;
  }

  #summary(): Stretch {
    let blocker = none.blocker;
    for (const [name, ms] of this.#running) if (ms > blocker.ms) blocker = { name, ms };
    return { totalMs: this.#runningMs, blocker };
  }
}
