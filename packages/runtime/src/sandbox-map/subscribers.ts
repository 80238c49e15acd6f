import type { Logger } from '../types.ts';
import type { MapEvent, Mapped, MapSubscriber, SubscriberStats } from './subscriber.ts';
import { Subscription } from './subscription.ts';

/** Who hears of what is inserted and removed, in the order of their subscription. */
export class Subscribers<S extends Mapped> {
  /** Never changed, but replaced: whoever is told goes through those that were there when it began. */
  #subscriptions: readonly Subscription<S>[] = [];
  readonly #budgetMs: number;
  readonly #logger: Logger;

  constructor(budgetMs: number, logger: Logger) {
    this.#budgetMs = budgetMs;
    this.#logger = logger;
  }

  add(subscriber: MapSubscriber<S>): Disposable {
    const subscription = new Subscription(subscriber, this.#budgetMs, this.#logger);
    this.#subscriptions = [...this.#subscriptions, subscription];
    return {
      [Symbol.dispose]: () => {
        subscription.end();
        this.#subscriptions = this.#subscriptions.filter((other) => other !== subscription);
      },
    };
  }

  /** One that comes while this is told hears of the next; one that leaves hears no more. */
  tell(event: MapEvent, sandbox: S): void {
    for (const subscription of this.#subscriptions) subscription.call(event, sandbox);
  }

  stats(): SubscriberStats[] {
    return this.#subscriptions.map(({ stats }) => ({ ...stats }));
  }

  end(): void {
    for (const subscription of this.#subscriptions) subscription.end();
    this.#subscriptions = [];
  }
}
