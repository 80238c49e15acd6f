import type { Execution } from '@hatchery/runtime';
import type { SandboxLog } from '../../hosted/sandbox-log.ts';

/** Who holds the program back and takes nothing for so long loses that, if somebody else listens. */
const patienceMs = 10_000;

/** One stream of a process to a client. */
export interface Listener {
  /** Since when it waits for its client to take something, performance.now(); null: it does not. */
  readonly busySince: number | null;
  /** Whether the program waits for it has changed: it is to listen anew. */
  changed(): void;
}

/**
 * Those who listen to one process. The program waits for the one who came first and for no other; without any it goes on,
 * and what is then written is kept as far as the runtime keeps output.
 */
export class Audience {
  readonly #execution: Execution;
  readonly #log: SandboxLog;
  /** In the order of their rank. */
  readonly #listeners = new Set<Listener>();
  #watch: NodeJS.Timeout | null = null;
  #isFlowing = false;

  constructor(execution: Execution, log: SandboxLog) {
    this.#execution = execution;
    this.#log = log;
  }

  get isEmpty(): boolean {
    return this.#listeners.size === 0;
  }

  add(listener: Listener): void {
    this.#listeners.add(listener);
    this.flow();
    if (this.#listeners.size > 1) this.#watch ??= setInterval(() => this.#judge(), patienceMs / 2).unref();
  }

  delete(listener: Listener): void {
    const wasFirst = this.isFirst(listener);
    this.#listeners.delete(listener);
    if (this.#listeners.size < 2) this.#stopWatch();
    if (wasFirst) this.#first()?.changed();
  }

  /** The program waits for this one. */
  isFirst(listener: Listener): boolean {
    return this.#first() === listener;
  }

  /** From now on the program never waits because nobody listens. */
  flow(): void {
    if (this.#isFlowing) return;
    this.#isFlowing = true;
    void keepFlowing(this.#execution, this.#log);
  }

  #first(): Listener | undefined {
    const [first] = this.#listeners;
    return first;
  }

  #judge(): void {
    const first = this.#first();
    if (first === undefined || first.busySince === null || performance.now() - first.busySince < patienceMs) return;
    this.#listeners.delete(first);
    this.#listeners.add(first);
    first.changed();
    this.#first()?.changed();
  }

  #stopWatch(): void {
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#watch = null;
  }
}

/** Takes everything at once, until the end of the output; the sandbox's log keeps the last of it. */
async function keepFlowing(execution: Execution, log: SandboxLog): Promise<void> {
  try {
    for await (const event of execution.attach({ lend: true, toEnd: true }))
      if (event.type === 'data') log.write(execution.pid, event.stream, event.data);
  } catch {
    // The runtime closes: the program's next reader is another server's.
  }
}
