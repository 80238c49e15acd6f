/** What is in the map: a sandbox in one of its lifecycles. */
export interface Mapped {
  readonly id: string;
  readonly lifecycleId: string;
}

/**
 * Hears of each lifecycle of a sandbox, each of the three once at most and in this order. Called synchronously from the
 * change itself: what is slow is for a worker thread, and nothing may be returned. `sandbox.lifecycleId` tells which one
 * it is about; a subscriber may call everything that a runtime and a sandbox have.
 */
export interface MapSubscriber<S extends Mapped> {
  /** In logs and figures. */
  readonly name: string;
  /** It takes commands from now on: created, started, or adopted (paused ones too). `runtime.get()` finds it. */
  onInsert?(sandbox: S): void;
  /**
   * It takes none any more: its destroy, its stop or the clean-up after its loss has begun, whose processes may still be
   * there; or the runtime closes and leaves it to the next one.
   */
  onRemove?(sandbox: S): void;
  /**
   * Its last process is gone, says the kernel, and with it its network namespace; nobody waits for its root, its mounts or
   * its files. Never for one that is left to the next runtime.
   */
  onNetworkRelease?(sandbox: S): void;
}

export type MapEvent = 'onInsert' | 'onRemove' | 'onNetworkRelease';

/** How one subscriber has kept to its bounds. */
export interface SubscriberStats {
  /** As it was given to `subscribe()`. */
  name: string;
  /** Of its callbacks, those that threw included. */
  calls: number;
  /** Calls that took longer than the runtime's `subscriberBudgetMs`. */
  overBudget: number;
  /** Calls that threw. */
  thrown: number;
  /** The longest call, in milliseconds. */
  longestMs: number;
  /** It returned something, and is called no more. */
  refused: boolean;
}
