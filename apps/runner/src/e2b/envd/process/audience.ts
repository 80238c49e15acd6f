import { Code, ConnectError } from '@connectrpc/connect';
import type { Execution } from '@hatchery/runtime';
import type { Drain } from '../../../hosted/drain.ts';
import type { SandboxLog } from '../../hosted/sandbox-log.ts';
import type { ProcessRecord } from './process-record.ts';

/** Who holds the program back and takes nothing for so long loses that, if somebody else listens. */
const patienceMs = 10_000;

/** Each is told all that is written. */
const maxListeners = 32;

/** One stream of a process to a client. */
export interface Listener {
  /** Since when it waits for its client to take something, performance.now(); null: it does not. */
  readonly busySince: number | null;
  /** Whether the program waits for it has changed: it is to listen anew. */
  changed(): void;
}

export interface AudienceParts {
  readonly execution: Execution;
  readonly record: ProcessRecord;
  readonly log: SandboxLog;
  readonly drain: Drain;
  /** How long the program may wait for its first listener; null: until that comes. */
  readonly waitMs: number | null;
}

/**
 * Those who listen to one process. The program waits for the one who came first and for no other; without any it goes on,
 * and what is then written is kept as far as the runtime keeps output.
 */
export class Audience {
  readonly #parts: AudienceParts;
  /** In the order of their rank. */
  readonly #listeners = new Set<Listener>();
  #watch: NodeJS.Timeout | null = null;
  #goesOn = false;
  /** null: nobody drains it. */
  #draining: AbortController | null = null;

  constructor(parts: AudienceParts) {
    this.#parts = parts;
    if (parts.waitMs !== null) setTimeout(() => this.#goOn(), parts.waitMs).unref();
  }

  /** Throws ConnectError. */
  add(listener: Listener): void {
    if (this.#listeners.size >= maxListeners)
      throw new ConnectError(
        `${maxListeners} clients listen to process ${this.#parts.execution.pid}; that is as many as may`,
        Code.ResourceExhausted,
      );
    this.#listeners.add(listener);
    this.#goOn();
    this.#draining?.abort();
    this.#draining = null;
    if (this.#listeners.size > 1) this.#watch ??= setInterval(() => this.#judge(), patienceMs / 2).unref();
  }

  delete(listener: Listener): void {
    const wasFirst = this.isFirst(listener);
    this.#listeners.delete(listener);
    if (this.#listeners.size < 2) this.#stopWatch();
    if (wasFirst) this.#first()?.changed();
    this.#drainIfLeft();
  }

  /** The program waits for this one. */
  isFirst(listener: Listener): boolean {
    return this.#first() === listener;
  }

  /** From now on the program does not wait for a listener to come. */
  #goOn(): void {
    if (!this.#goesOn) void this.#keepLog();
    this.#goesOn = true;
    this.#drainIfLeft();
  }

  #drainIfLeft(): void {
    if (!this.#goesOn || this.#listeners.size > 0 || this.#draining !== null) return;
    const { execution, record, drain } = this.#parts;
    this.#draining = new AbortController();
    void drain.follow(execution, record.delivered, this.#draining.signal);
  }

  /** The program does not wait for the log, which keeps only the last of it anyway. */
  async #keepLog(): Promise<void> {
    const { execution, log } = this.#parts;
    try {
      for await (const event of execution.attach({ lend: true, toEnd: true }))
        if (event.type === 'data') log.write(execution.pid, event.stream, event.data);
    } catch {
      // The runtime closes: the program's next reader is another server's.
    }
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
