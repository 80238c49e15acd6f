import type { SharedSender } from '@hatchery/event-queue';
import { type ChrootChange, changeAsMessage, errorAsMessage } from './watch-change.ts';

/**
 * Where changes leave the worker: into a channel that does not grow. What finds it full is dropped, and `overflow` waits
 * for a place in its stead; only after that are changes told again.
 */
export class WatchOutlet {
  readonly #sender: SharedSender;
  readonly #watched: string;
  /** The `overflow` that waits for its place. */
  #overflow: Promise<void> | null = null;
  /** Whether something was dropped that no `overflow` stands for yet. */
  #dropped = false;

  /** @param watched the path that an `overflow` of everything names */
  constructor(sender: SharedSender, watched: string) {
    this.#sender = sender;
    this.#watched = watched;
  }

  /** True once nobody will read what is told. */
  get closed(): boolean {
    return this.#sender.closed;
  }

  tell(change: ChrootChange): void {
    if (this.#overflow !== null) {
      this.#dropped = true;
      return;
    }
    const message = changeAsMessage(change);
    // A path of thousands of directories may be longer than anything that the channel carries.
    if (message.length <= this.#sender.maxMessageBytes && this.#sender.trySend(message)) return;
    this.#tellOverflow();
  }

  tellOverflow(path: string = this.#watched): void {
    this.tell({ type: 'overflow', path });
  }

  /** Tells the last change, or the error that ends the watch, waits for a place if it must, and closes the channel. */
  async end(last: ChrootChange | { readonly failed: unknown } | null): Promise<void> {
    try {
      while (this.#overflow !== null) await this.#overflow;
      if (last !== null)
        await this.#sender.send('failed' in last ? errorAsMessage(last.failed) : changeAsMessage(last));
    } catch {
      // Closed by its reader.
    }
    this.#sender.close();
  }

  close(): void {
    this.#sender.close();
  }

  #tellOverflow(): void {
    this.#dropped = false;
    const message = changeAsMessage({ type: 'overflow', path: this.#watched });
    this.#overflow = this.#sender.send(message).then(
      () => {
        this.#overflow = null;
        // What was dropped between the sending and this turn is not covered by it.
        if (this.#dropped) this.#tellOverflow();
      },
      () => {
        // Closed by its reader.
        this.#overflow = null;
      },
    );
  }
}
