import type { MapEvent, Mapped } from './subscriber.ts';

/** The map, as its entries need it. */
export interface EntryHome<S extends Mapped> {
  tell(event: MapEvent, sandbox: S): void;
  /** Takes the address, from whoever has it. */
  assign(address: string, entry: MapEntry<S>): void;
  /** Gives it back, unless another entry has it by now. */
  free(address: string, entry: MapEntry<S>): void;
  /** Its clean-up has ended. */
  leave(entry: MapEntry<S>): void;
}

/**
 * One lifecycle of a sandbox in the map. Whoever ends it holds this very object, and nothing of it is looked up by the
 * sandbox's id, which may be another's by the time that the clean-up ends.
 */
export class MapEntry<S extends Mapped> {
  readonly sandbox: S;
  readonly id: string;
  readonly lifecycleId: string;
  readonly #home: EntryHome<S>;
  #phase: 'live' | 'removed' | 'network released' = 'live';
  /** Its teardown, and what was handed to a worker. */
  #cleanUps = 1;
  #address: string | null = null;

  constructor(sandbox: S, home: EntryHome<S>) {
    this.sandbox = sandbox;
    this.id = sandbox.id;
    this.lifecycleId = sandbox.lifecycleId;
    this.#home = home;
  }

  get isLive(): boolean {
    return this.#phase === 'live';
  }

  assignAddress(address: string): void {
    this.#address = address;
    this.#home.assign(address, this);
  }

  /** Its end has begun. Subscribers are told, once. */
  remove(): void {
    if (this.#phase !== 'live') return;
    this.#phase = 'removed';
    this.#home.tell('onRemove', this.sandbox);
  }

  /** Nobody is left in its network namespace. Subscribers are told, once, whatever else is still to be cleaned up. */
  releaseNetwork(): void {
    if (this.#phase !== 'removed') return;
    this.#phase = 'network released';
    this.#freeAddress();
    this.#home.tell('onNetworkRelease', this.sandbox);
  }

  /** A part of its clean-up that nothing but the entry waits for. */
  cleanUp(work: Promise<unknown>): void {
    this.#cleanUps += 1;
    void work.catch(() => {}).finally(() => this.#endCleanUp());
  }

  /** Its teardown is done, or it is no longer this runtime's. It leaves once its other clean-ups have ended, too. */
  finish(): void {
    this.#freeAddress();
    this.#endCleanUp();
  }

  #endCleanUp(): void {
    this.#cleanUps -= 1;
    if (this.#cleanUps === 0) this.#home.leave(this);
  }

  #freeAddress(): void {
    if (this.#address !== null) this.#home.free(this.#address, this);
    this.#address = null;
  }
}
