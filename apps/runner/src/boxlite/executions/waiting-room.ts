/** Each keeps up to 256 KiB of both of its outputs in this server, which nothing else counts. */
const mostWaiting = 256;

/** A program that waits for its first listener. */
export interface Waiting {
  /** It waits no longer: what it writes is taken, and the last of it kept. */
  goOn(): void;
}

/** The programs of all boxes that wait for their first listener: when they are too many, the one that came first goes on. */
export class WaitingRoom {
  readonly #waiting = new Set<Waiting>();

  enter(one: Waiting): void {
    this.#waiting.add(one);
    const [first] = this.#waiting;
    if (this.#waiting.size <= mostWaiting || first === undefined) return;
    this.#waiting.delete(first);
    first.goOn();
  }

  leave(one: Waiting): void {
    this.#waiting.delete(one);
  }
}
