/** Who streams an execution to its client. */
interface Holder {
  /** Its client is not listened to, and has not been for a while: nobody knows whether it is there. */
  readonly isDeaf: boolean;
  /** Breaks its connection. */
  drop(): void;
}

/** The one place for a client's stream of an execution, until it is disposed of. */
export class Claim implements Disposable {
  readonly #onReleased: (claim: Claim) => void;
  #holder: Holder | null = null;

  constructor(onReleased: (claim: Claim) => void) {
    this.#onReleased = onReleased;
  }

  /** A client has it. */
  open(holder: Holder): void {
    this.#holder = holder;
  }

  /** Whether a client had it. */
  get wasOpened(): boolean {
    return this.#holder !== null;
  }

  /** Whether another client gets it now. */
  giveWay(): boolean {
    if (this.#holder?.isDeaf !== true) return false;
    this.#holder.drop();
    return true;
  }

  [Symbol.dispose](): void {
    this.#onReleased(this);
  }
}
