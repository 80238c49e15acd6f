import { Code, ConnectError } from '@connectrpc/connect';
import type { FilesystemEvent } from '../protocol/filesystem.generated.ts';
import type { EventBudget } from './event-budget.ts';

/** Events that wait for somebody who asks for them. */
export class BufferedWatch {
  readonly #budget: EventBudget;
  readonly #ending = new AbortController();
  #events: FilesystemEvent[] = [];
  #lost = 0;
  #failure: unknown = null;
  #isCollecting = true;

  constructor(budget: EventBudget) {
    this.#budget = budget;
  }

  /** Fires when it is to end. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Whether nothing will come any more, and everything was told. */
  get isOver(): boolean {
    return !this.#isCollecting && this.#events.length === 0 && this.#lost === 0 && this.#failure === null;
  }

  /** Whether events are dropped until somebody asks: what they were about need not be looked at. */
  get isLosing(): boolean {
    return this.#lost > 0;
  }

  /** Until the source ends; what it throws is told to whoever asks next. Never rejects. */
  async collect(source: AsyncIterable<FilesystemEvent>): Promise<void> {
    try {
      for await (const event of source) {
        // One that it was at when it was to end: nobody would give its room back.
        if (this.signal.aborted) break;
        if (this.#lost === 0 && this.#budget.take(event)) this.#events.push(event);
        else this.#lose();
      }
    } catch (error) {
      this.#failure = error;
    } finally {
      this.#isCollecting = false;
    }
  }

  /** What came since the last time; then what ended it, once. Throws `data_loss` when more came than there was room for. */
  take(): FilesystemEvent[] {
    const lost = this.#lost;
    this.#lost = 0;
    if (lost > 0) {
      const text = `${lost} events were lost, nobody having asked for them in time: list the directory`;
      throw new ConnectError(text, Code.DataLoss);
    }
    const events = this.#release();
    const failure = this.#failure;
    if (events.length > 0 || failure === null) return events;
    this.#failure = null;
    throw failure;
  }

  end(): void {
    this.#release();
    this.#ending.abort();
  }

  /** With a part missing the rest would mislead. */
  #lose(): void {
    this.#lost += this.#release().length + 1;
  }

  #release(): FilesystemEvent[] {
    const events = this.#events;
    this.#events = [];
    this.#budget.giveBack(events);
    return events;
  }
}
