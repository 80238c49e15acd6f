import { exitCodeOfSignal } from '../exit-code.ts';

const ending = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** What sends one to a whole group of processes may have it passed on by another of the group: that is one and no second. */
const echoMs = 300;

/**
 * The signals that end a server; their default effect would leave its sandboxes and its socket as they are. The second one
 * has an effect like it: whoever sends it will not wait. Sandboxes are left to the next server then, as after a kill -9.
 */
export class EndSignals implements Disposable {
  /** Resolves with the first one. */
  readonly first: Promise<NodeJS.Signals>;
  readonly #listener: (signal: NodeJS.Signals) => void;
  #firstAt: number | null = null;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
    this.first = promise;
    this.#listener = (signal) => {
      this.#firstAt ??= performance.now();
      if (performance.now() - this.#firstAt > echoMs) process.exit(exitCodeOfSignal(signal));
      resolve(signal);
    };
    for (const signal of ending) process.on(signal, this.#listener);
  }

  [Symbol.dispose](): void {
    for (const signal of ending) process.off(signal, this.#listener);
  }
}
