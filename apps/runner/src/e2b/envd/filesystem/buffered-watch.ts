import { Code, ConnectError } from '@connectrpc/connect';
import type { FilesystemEvent } from '../protocol/filesystem.generated.ts';

/** Of one watch that nobody asks for its events. */
const maxEvents = 10_000;

/** Events that wait for somebody who asks for them. */
export class BufferedWatch {
  readonly #ending = new AbortController();
  #events: FilesystemEvent[] = [];
  #lost = 0;
  #failure: unknown = null;
  #isCollecting = true;

  /** Fires when it is to end. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Whether nothing will come any more, and everything was told. */
  get isOver(): boolean {
    return !this.#isCollecting && this.#events.length === 0 && this.#lost === 0 && this.#failure === null;
  }

  /** Returns at once; what the source throws is told to whoever asks next. */
  collect(source: AsyncIterable<FilesystemEvent>): void {
    void this.#collect(source);
  }

  /** What came since the last time; then what ended it, once. Throws `data_loss` when more came than is kept. */
  take(): FilesystemEvent[] {
    const lost = this.#lost;
    this.#lost = 0;
    if (lost > 0) {
      this.#events = [];
      throw new ConnectError(
        `${lost} events were lost, nobody having asked for them: list the directory`,
        Code.DataLoss,
      );
    }
    const events = this.#events;
    this.#events = [];
    const failure = this.#failure;
    if (events.length > 0 || failure === null) return events;
    this.#failure = null;
    throw failure;
  }

  end(): void {
    this.#ending.abort();
  }

  async #collect(source: AsyncIterable<FilesystemEvent>): Promise<void> {
    try {
      for await (const event of source) {
        if (this.#lost > 0 || this.#events.length >= maxEvents) this.#lose();
        else this.#events.push(event);
      }
    } catch (error) {
      this.#failure = error;
    } finally {
      this.#isCollecting = false;
    }
  }

  /** With a part missing the rest would mislead. */
  #lose(): void {
    this.#lost += this.#events.length + 1;
    this.#events = [];
  }
}
