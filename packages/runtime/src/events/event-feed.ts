import { throwIfAborted } from '../errors.ts';
import type { RuntimeEvent } from '../types.ts';

/** What one reader of `events()` may be behind. */
const capacity = 1024;

/** One reader of a runtime's events: bounded; what it was too slow for is told as one gap. */
class EventReader {
  readonly #events: RuntimeEvent[] = [];
  #wake: (() => void) | null = null;
  #ended = false;

  take(event: RuntimeEvent): void {
    if (this.#events.length < capacity) this.#events.push(event);
    else
      this.#events[capacity - 1] = {
        type: 'gap',
        sandboxId: '',
        lifecycleId: '',
        at: event.at,
        reason: 'this reader was too slow; runtime.list() tells what there is now',
      };
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *read(signal: AbortSignal | undefined): AsyncGenerator<RuntimeEvent> {
    const wake = (): void => this.#wake?.();
    signal?.addEventListener('abort', wake, { once: true });
    try {
      for (;;) {
        throwIfAborted(signal, 'runtime.events()');
        const event = this.#events.shift();
        if (event !== undefined) yield event;
        else if (this.#ended) return;
        else await this.#next(signal);
      }
    } finally {
      signal?.removeEventListener('abort', wake);
    }
  }

  async #next(signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (signal?.aborted) resolve();
    });
    this.#wake = null;
  }
}

/** Hands a runtime's events to each of its readers. Called in the drain only. */
export class EventFeed {
  readonly #readers = new Set<EventReader>();
  #ended = false;

  publish(event: RuntimeEvent): void {
    for (const reader of this.#readers) reader.take(event);
  }

  /** Events from this call on, until the runtime is closed. */
  read(signal: AbortSignal | undefined): AsyncIterableIterator<RuntimeEvent> {
    const reader = new EventReader();
    if (this.#ended) reader.end();
    else this.#readers.add(reader);
    return this.#leaveAtEnd(reader, signal);
  }

  end(): void {
    this.#ended = true;
    for (const reader of this.#readers) reader.end();
  }

  async *#leaveAtEnd(reader: EventReader, signal: AbortSignal | undefined): AsyncGenerator<RuntimeEvent> {
    try {
      yield* reader.read(signal);
    } finally {
      this.#readers.delete(reader);
    }
  }
}
