const ending = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** The signals that end a server; their default effect would leave its sandboxes and its socket as they are. */
export class EndSignals implements Disposable {
  /** Resolves with the first one. */
  readonly first: Promise<NodeJS.Signals>;
  readonly #listener: (signal: NodeJS.Signals) => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
    this.first = promise;
    this.#listener = resolve;
    for (const signal of ending) process.on(signal, this.#listener);
  }

  [Symbol.dispose](): void {
    for (const signal of ending) process.off(signal, this.#listener);
  }
}
