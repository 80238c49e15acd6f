import { EventQueue } from '@hatchery/event-queue';
import { inSection } from '../loop-delay/section.ts';
import type { Logger } from '../types.ts';

/** Something that has happened, and what is to be done about it on the consumer's side. */
export interface Work {
  readonly run: () => void;
  /** Releases what it holds when it will never run. */
  readonly drop?: () => void;
}

/**
 * The one queue of a runtime. Exits, broken connections and changes of state are posted here by whoever learns of them
 * and take effect in its drain, on the thread that opened the runtime: by itself, soon after the post, or whenever the
 * host application calls `runtime.drain()`. So no handler ever runs inside a producer.
 */
export class WorkQueue {
  readonly #queue = new EventQueue<Work>({ dispose: ({ drop }) => drop?.() });
  readonly #logger: Logger;
  #drainsItself: boolean;
  #scheduled = false;
  #draining = false;

  constructor(drain: 'auto' | 'manual', logger: Logger) {
    this.#drainsItself = drain === 'auto';
    this.#logger = logger;
  }

  get drainsItself(): boolean {
    return this.#drainsItself;
  }

  /** Never refuses: while the queue is full the work waits its turn in order. After the close it is dropped. */
  post(work: Work): void {
    // Closed meanwhile: dropped by the queue, and nobody is left to be told.
    this.#queue.push(work).catch(() => {});
    this.#schedule();
  }

  /** What the host application calls; how many were run. */
  drain(max?: number): number {
    this.#draining = true;
    try {
      return inSection('drain', () => this.#queue.drain((work) => this.#run(work), { max }));
    } finally {
      this.#draining = false;
    }
  }

  /** From now on without the host application, which waits for the runtime's close instead of draining. */
  drainItself(): void {
    this.#drainsItself = true;
    this.#schedule();
  }

  close(reason: Error): void {
    this.#queue.close(reason);
  }

  #schedule(): void {
    if (!this.#drainsItself || this.#scheduled || this.#queue.closed) return;
    this.#scheduled = true;
    // Behind the producer's own turn, before the event loop looks for more: a wake-up costs nothing.
    queueMicrotask(() => this.#drainNow());
  }

  #drainNow(): void {
    this.#scheduled = false;
    if (this.#draining || this.#queue.closed) return;
    this.drain();
    // Posted by what was just run, or waiting for room.
    if (this.#queue.size > 0) this.#schedule();
  }

  /** One that throws harms nobody else. */
  #run(work: Work): void {
    try {
      work.run();
    } catch (error) {
      this.#logger.error({ err: error }, 'an event could not be handled');
    }
  }
}
