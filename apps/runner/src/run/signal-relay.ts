/** What signals to this process are handed to. */
export interface SignalTarget {
  /** Passes the signal on to the program. */
  forward(signal: NodeJS.Signals): void;
  /** Ends everything: the user asked twice. */
  giveUp(): void;
}

const relayed = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Relays the first signal to the program and takes a second one as an order to end the sandbox. Before there is a
 * program, the first one already ends everything.
 */
export class SignalRelay implements Disposable {
  readonly #listener: (signal: NodeJS.Signals) => void;
  readonly #beforeStart = new AbortController();
  #target: SignalTarget | null = null;
  #received: NodeJS.Signals | null = null;
  #gaveUp = false;

  constructor() {
    this.#listener = (signal) => this.#receive(signal);
    for (const signal of relayed) process.on(signal, this.#listener);
  }

  /** Fires when a signal came before there was a program. */
  get beforeStart(): AbortSignal {
    return this.#beforeStart.signal;
  }

  /** The last signal that came, which is what a run that was given up exits with. */
  get received(): NodeJS.Signals | null {
    return this.#received;
  }

  /** A second signal came. */
  get gaveUp(): boolean {
    return this.#gaveUp;
  }

  /** The program runs. */
  attach(target: SignalTarget): void {
    this.#target = target;
  }

  /** Signals have their default effect again. */
  [Symbol.dispose](): void {
    for (const signal of relayed) process.off(signal, this.#listener);
  }

  #receive(signal: NodeJS.Signals): void {
    const first = this.#received === null;
    this.#received = signal;
    if (this.#target === null) this.#beforeStart.abort(new Error(`${signal} received`));
    else if (first) this.#target.forward(signal);
    else {
      this.#gaveUp = true;
      this.#target.giveUp();
    }
  }
}
