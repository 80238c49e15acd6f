import type { ExitMessage } from '@hatchery/zygote-ipc';
import type { LiveExecution } from '../execution/execution.ts';

/** However short they ran: so many that have ended can be looked up, and no more. */
const maxEnded = 1000;

/** The executions of one sandbox: those that are being started, those that run, and the last that have ended. */
export class Executions {
  readonly #retentionMs: number;
  /** By the number that init knows; null while its start is under way. */
  readonly #running = new Map<number, LiveExecution | null>();
  /** An exit can be told before the answer to its start is looked at. */
  readonly #early = new Map<number, ExitMessage>();
  /** With a pipe open: those that have ended, too, as long as a background process holds it or their output is unread. */
  readonly #open = new Set<LiveExecution>();
  readonly #ended = new Map<string, { readonly execution: LiveExecution; readonly at: number }>();
  #last: number;

  /** @param first the numbers given begin behind it */
  constructor(retentionMs: number, first: number) {
    this.#retentionMs = retentionMs;
    this.#last = first;
  }

  /** A number that this sandbox has not used. */
  begin(): number {
    const number = ++this.#last;
    this.#running.set(number, null);
    return number;
  }

  /** An earlier runner gave this number. */
  began(number: number): void {
    this.#running.set(number, null);
  }

  /** null: its start is under way; undefined: it is not known here. */
  get(number: number): LiveExecution | null | undefined {
    return this.#running.get(number);
  }

  giveUp(number: number): void {
    this.#running.delete(number);
    this.#early.delete(number);
  }

  started(number: number, execution: LiveExecution): void {
    this.#running.set(number, execution);
    this.#open.add(execution);
    const exit = this.#early.get(number);
    this.#early.delete(number);
    if (exit !== undefined) execution.told(exit);
  }

  /** false: it is not known here. */
  told(exit: ExitMessage): boolean {
    const execution = this.#running.get(exit.execution);
    if (execution === null) this.#early.set(exit.execution, exit);
    else execution?.told(exit);
    return execution !== undefined;
  }

  ended(number: number, execution: LiveExecution): void {
    this.#running.delete(number);
    this.#forgetOld();
    this.#ended.set(execution.id, { execution, at: performance.now() });
  }

  closed(execution: LiveExecution): void {
    this.#open.delete(execution);
  }

  running(): LiveExecution[] {
    return [...this.#running.values()].filter((execution) => execution !== null);
  }

  /** Those that run and those whose descriptors are open. */
  all(): LiveExecution[] {
    return [...new Set([...this.running(), ...this.#open])];
  }

  /** Their sandbox is gone. */
  forget(): void {
    for (const { execution } of this.#ended.values()) execution.forgetReplay();
    this.#ended.clear();
    for (const execution of this.all()) execution.forgetReplay();
  }

  find(id: string): LiveExecution | undefined {
    this.#forgetOld();
    return this.running().find((execution) => execution.id === id) ?? this.#ended.get(id)?.execution;
  }

  #forgetOld(): void {
    const since = performance.now() - this.#retentionMs;
    for (const [id, { execution, at }] of this.#ended) {
      if (at >= since && this.#ended.size < maxEnded) return;
      this.#ended.delete(id);
      execution.forgetReplay();
    }
  }
}
