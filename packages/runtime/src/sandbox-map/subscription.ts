import { inSection } from '../loop-delay/section.ts';
import type { Logger } from '../types.ts';
import type { MapEvent, Mapped, MapSubscriber, SubscriberStats } from './subscriber.ts';

/** One subscriber, and what became of its calls. */
export class Subscription<S extends Mapped> {
  readonly stats: SubscriberStats;
  readonly #subscriber: MapSubscriber<S>;
  readonly #budgetMs: number;
  readonly #logger: Logger;
  #isActive = true;

  constructor(subscriber: MapSubscriber<S>, budgetMs: number, logger: Logger) {
    this.stats = { name: subscriber.name, calls: 0, overBudget: 0, thrown: 0, longestMs: 0, refused: false };
    this.#subscriber = subscriber;
    this.#budgetMs = budgetMs;
    this.#logger = logger;
  }

  /** Never throws: whatever the subscriber does is its own trouble, and is told with its name. */
  call(event: MapEvent, sandbox: S): void {
    if (!this.#isActive) return;
    const about = { subscriber: this.stats.name, event, sandboxId: sandbox.id, lifecycleId: sandbox.lifecycleId };
    try {
      if (this.#subscriber[event] === undefined) return;
      this.stats.calls += 1;
      const act = (): unknown => this.#subscriber[event]?.(sandbox);
      const returned = inSection(`subscriber ${this.stats.name}`, act, (ms) => this.#measured(ms, about));
      if (returned !== undefined) this.#refuse(returned, about);
    } catch (err) {
      this.stats.thrown += 1;
      this.#logger.error({ err, ...about }, 'a subscriber of the sandbox map threw; nobody else is harmed');
    }
  }

  /** It is called no more, not even of what is being told just now. */
  end(): void {
    this.#isActive = false;
  }

  #measured(ms: number, about: object): void {
    this.stats.longestMs = Math.max(this.stats.longestMs, ms);
    if (ms <= this.#budgetMs) return;
    this.stats.overBudget += 1;
    const context = { ...about, ms, budgetMs: this.#budgetMs };
    this.#logger.warn(context, 'a subscriber of the sandbox map holds up the event loop; give slow work to a worker');
  }

  #refuse(returned: unknown, about: object): void {
    this.end();
    this.stats.refused = true;
    // Nobody waits for it: its rejection would end the process. A thenable may even throw when it is looked at.
    Promise.resolve(returned).catch(() => {});
    const text =
      'a subscriber of the sandbox map returned something (is it async?); it must return nothing, and is called no more';
    this.#logger.error({ ...about, returned: typeof returned }, text);
  }
}
