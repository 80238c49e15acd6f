import { MapEntry } from './map-entry.ts';
import type { Mapped, MapSubscriber, SubscriberStats } from './subscriber.ts';
import type { Subscribers } from './subscribers.ts';

/**
 * The sandboxes of a runtime, in three indexes: each sandbox by its id, as long as something is left of it; each lifecycle
 * by id and lifecycle id, until its clean-up has ended; and by network address those that have one. An id that is taken
 * again has two lifecycles here while the first is still being cleaned up, and they have nothing in common.
 */
export class SandboxMap<S extends Mapped> {
  readonly #subscribers: Subscribers<S>;
  readonly #sandboxes = new Map<string, S>();
  readonly #lifecycles = new Map<string, MapEntry<S>>();
  readonly #addresses = new Map<string, MapEntry<S>>();
  /** Clean-ups that are no lifecycle's, or have not come to theirs yet. */
  #otherCleanUps = 0;
  #cleanedUp: PromiseWithResolvers<void> | null = null;

  constructor(subscribers: Subscribers<S>) {
    this.#subscribers = subscribers;
  }

  get(id: string): S | undefined {
    return this.#sandboxes.get(id);
  }

  has(id: string): boolean {
    return this.#sandboxes.has(id);
  }

  keys(): IterableIterator<string> {
    return this.#sandboxes.keys();
  }

  values(): IterableIterator<S> {
    return this.#sandboxes.values();
  }

  /** Lists it under its id, whatever its state. */
  add(sandbox: S): void {
    this.#sandboxes.set(sandbox.id, sandbox);
  }

  /** One that told of a failed create may have been followed by another of its id, which stays. */
  delete(sandbox: S): void {
    if (this.#sandboxes.get(sandbox.id) === sandbox) this.#sandboxes.delete(sandbox.id);
  }

  lifecycle(id: string, lifecycleId: string): MapEntry<S> | undefined {
    return this.#lifecycles.get(keyOf(id, lifecycleId));
  }

  /** Whose network address it is. */
  at(address: string): S | undefined {
    return this.#addresses.get(address)?.sandbox;
  }

  /** The lifecycle that the sandbox is in now takes commands: subscribers are told. null: it has no address but loopback. */
  insert(sandbox: S, address: string | null = null): MapEntry<S> {
    const entry = new MapEntry(sandbox, {
      tell: (event, about) => this.#subscribers.tell(event, about),
      assign: (address, owner) => this.#addresses.set(address, owner),
      free: (address, owner) => {
        if (this.#addresses.get(address) === owner) this.#addresses.delete(address);
      },
      leave: (gone) => this.#leave(gone),
    });
    this.#lifecycles.set(keyOf(entry.id, entry.lifecycleId), entry);
    if (address !== null) entry.assignAddress(address);
    this.#subscribers.tell('onInsert', sandbox);
    return entry;
  }

  /** A clean-up that may have no lifecycle (of a stopped sandbox), or waits for its turn. */
  track(work: Promise<unknown>): void {
    this.#otherCleanUps += 1;
    void work
      .catch(() => {})
      .finally(() => {
        this.#otherCleanUps -= 1;
        this.#settle();
      });
  }

  /** Resolves as soon as nothing is being cleaned up. */
  async cleanedUp(): Promise<void> {
    if (!this.#isCleaningUp) return;
    this.#cleanedUp ??= Promise.withResolvers();
    await this.#cleanedUp.promise;
  }

  subscribe(subscriber: MapSubscriber<S>): Disposable {
    return this.#subscribers.add(subscriber);
  }

  subscriberStats(): SubscriberStats[] {
    return this.#subscribers.stats();
  }

  /** The runtime is closed: nobody is told any more. */
  end(): void {
    this.#subscribers.end();
  }

  get #isCleaningUp(): boolean {
    return this.#otherCleanUps > 0 || this.#lifecycles.values().some(({ isLive }) => !isLive);
  }

  #leave(entry: MapEntry<S>): void {
    this.#lifecycles.delete(keyOf(entry.id, entry.lifecycleId));
    this.#settle();
  }

  #settle(): void {
    if (this.#cleanedUp === null || this.#isCleaningUp) return;
    this.#cleanedUp.resolve();
    this.#cleanedUp = null;
  }
}

/** No id has a slash in it. */
function keyOf(id: string, lifecycleId: string): string {
  return `${id}/${lifecycleId}`;
}
