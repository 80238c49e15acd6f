import { type Network, type NetworkError, type NetworkRules, openNetwork, type SlotPlace } from '@hatchery/network';
import { monotonicMs } from '../monotonic.ts';
import type { Logger } from '../types.ts';
import { hasMarker, removeMarker, writeMarker } from './marker.ts';
import type { CompiledNetworkOptions } from './network-options.ts';
import { ReadySlots } from './ready-slots.ts';
import { type HasSlot, type SlotInUse, SlotsInUse } from './slots-in-use.ts';
import { sweepNetworkOf } from './sweep-network-of.ts';
import { TakenSlot } from './taken-slot.ts';

export interface SlotsOptions {
  readonly instanceDirectory: string;
  readonly network: CompiledNetworkOptions;
  readonly logger: Logger;
  /** Slots that are made ahead at most; 0: none. */
  readonly readyCeiling: number;
}

/**
 * The network slots of a runtime. The network is opened with the first slot that is asked for: a host that cannot have any
 * makes sandboxes without.
 */
export class Slots {
  readonly #options: SlotsOptions;
  #opening: Promise<Network> | null = null;
  /** Once it is open. */
  #network: Network | null = null;
  /** Of what an earlier runner left, where nobody has a slot yet. */
  #sweeping: Promise<void> = Promise.resolve();
  #making = 0;
  readonly #inUse = new SlotsInUse();
  /** Those whose release failed; tried again with the next. */
  readonly #unreleased = new Set<SlotPlace>();
  /** By their ids. */
  readonly #releasing = new Set<string>();

  /** null: none is made ahead. */
  readonly #ready: ReadySlots | null;

  constructor(options: SlotsOptions) {
    this.#options = options;
    const { logger, readyCeiling } = options;
    const host = {
      make: () => this.#make(null),
      giveBack: (slot: TakenSlot) => this.giveBack(slot),
      nowMs: monotonicMs,
      logger,
    };
    this.#ready = readyCeiling === 0 ? null : new ReadySlots(host, readyCeiling);
  }

  /** What hurries: no slot is made ahead before it is over. */
  during<T>(work: Promise<T>): Promise<T> {
    return this.#ready === null ? work : this.#ready.during(work);
  }

  /** Descriptors of the namespaces that are held ready. */
  readyNetns(): number[] {
    return this.#ready?.ready().map(({ netns }) => netns) ?? [];
  }

  /** None is being made at this moment: every descriptor of a network namespace is somebody's. */
  get areSettled(): boolean {
    return this.#making === 0;
  }

  /** A slot that reaches nothing until `setRules`, one that is ready if there is one. Rejects with NetworkError. */
  async take(sandboxId: string): Promise<TakenSlot> {
    const ready = this.#ready?.take() ?? null;
    if (ready === null) return await this.#make(sandboxId);
    this.#inUse.add({ place: ready.place, sandboxId, taken: ready });
    return ready;
  }

  /** The same for a sandbox that is made ahead itself. */
  async takeAhead(sandboxId: string): Promise<TakenSlot> {
    return await this.#make(sandboxId);
  }

  /** Of one that nobody is in, or is in any more. Never rejects. */
  async giveBack(slot: TakenSlot): Promise<void> {
    slot.closeNetns();
    await this.release(slot.place);
  }

  /** Replaces all rules of a slot. `netns`, borrowed, has sockets inside be told. Rejects with NetworkError. */
  async setRules(place: SlotPlace, rules: NetworkRules, netns: number | null = null): Promise<void> {
    const network = await this.#open();
    await network.setRules(place, rules, netns === null ? {} : { netns });
  }

  /**
   * Nobody is left in it, says the kernel: nothing passes from or to it any more, and its address is somebody else's once
   * the kernel has taken its interface away. Never rejects; what fails is tried again with the next one.
   */
  async release(place: SlotPlace): Promise<void> {
    this.#unreleased.add(place);
    await this.#releaseAll();
  }

  /**
   * Before anything is decided on sandboxes that are in these slots: rejects with NetworkError where none of them could be
   * taken over, and they run on under the rules that the kernel has.
   */
  async prepareAdoption(places: readonly SlotPlace[]): Promise<void> {
    if (places.length > 0) (await this.#open()).requireInRange(places);
  }

  /** Takes the slot of a sandbox of an earlier runner over, with its rules; `netns` as for `setRules`. Rejects with NetworkError. */
  async adopt(sandboxId: string, place: SlotPlace, rules: NetworkRules, netns: number | null): Promise<void> {
    const network = await this.#open();
    this.#inUse.add({ place, sandboxId, taken: null });
    try {
      await network.adopt(place, rules, netns === null ? {} : { netns });
    } catch (error) {
      // Its rules are in force where only connections could not be cut.
      if ((error as NetworkError).step !== 'cut connections') this.#inUse.remove(place);
      throw error;
    }
  }

  /**
   * Slots that this runtime has and nobody uses: no sandbox, none that is made or changed, none that is held ready. Asked and
   * answered at one moment.
   */
  forgotten(hasSlot: HasSlot): SlotInUse[] {
    const ready = new Set(this.#ready?.ready().map(({ place }) => place.id));
    const areSettled = this.areSettled && this.#ready?.isWorking !== true;
    return (this.#network?.slots() ?? []).flatMap((place) => {
      if (ready.has(place.id) || this.#releasing.has(place.id)) return [];
      const slot = this.#inUse.get(place);
      if (slot === null || slot.sandboxId === null) return areSettled ? [{ place, sandboxId: null, taken: null }] : [];
      return hasSlot(slot.sandboxId, place) ? [] : [slot];
    });
  }

  /** Releases those. Resolves with the names of their interfaces; never rejects, what fails is tried again. */
  async releaseForgotten(hasSlot: HasSlot): Promise<string[]> {
    const forgotten = this.forgotten(hasSlot);
    await Promise.all(
      forgotten.map(({ place, taken }) => (taken === null ? this.release(place) : this.giveBack(taken))),
    );
    return forgotten.filter(({ place }) => !this.#unreleased.has(place)).map(({ place }) => place.interfaceName);
  }

  /**
   * What the kernel and the leases have of the instance beside its slots goes: after all adoptions what an earlier runner
   * left. Never rejects; it is told.
   */
  async sweep(): Promise<void> {
    const { instanceDirectory, network, logger } = this.#options;
    try {
      if (this.#opening !== null) await (await this.#opening).sweep();
      // Whoever opens the network meanwhile waits: its rules would go with the rest.
      else await (this.#sweeping = sweepNetworkOf(instanceDirectory, network));
    } catch (err) {
      logger.error({ err }, 'what is left of network slots could not be removed; the collector tries again');
    }
  }

  /** Puts the rules back that somebody else has taken out. Never rejects; it is told. */
  async verify(): Promise<void> {
    const { logger } = this.#options;
    if (this.#opening === null) return;
    try {
      const network = await this.#opening;
      if (await network.verify())
        logger.warn({}, 'somebody had changed the rules of the network slots on this host; they are in force again');
    } catch (err) {
      logger.error({ err }, 'the rules of the network slots could not be verified');
    }
  }

  /** The host ends in the kernel, and those that no slot accounts for. */
  async links(): Promise<{ there: string[]; strays: string[] }> {
    return this.#opening === null ? { there: [], strays: [] } : await (await this.#opening).links();
  }

  /** Whose slots are still in use leaves the rules in force, for the next runner of the instance. Never rejects; it is told. */
  async close(): Promise<void> {
    const { instanceDirectory, logger } = this.#options;
    await this.#ready?.close();
    if (this.#opening === null) return;
    try {
      await this.#releaseAll();
      if (await (await this.#opening).close()) removeMarker(instanceDirectory);
    } catch (err) {
      logger.error({ err }, 'the network of an instance could not be removed; the next opening tries again');
    }
  }

  /** @param sandboxId null: to be held ready */
  async #make(sandboxId: string | null): Promise<TakenSlot> {
    this.#making += 1;
    try {
      const network = await this.#open();
      const taken = new TakenSlot(await network.makeSlot(sandboxId === null ? {} : { sandboxId }));
      if (sandboxId !== null) this.#inUse.add({ place: taken.place, sandboxId, taken });
      return taken;
    } finally {
      this.#making -= 1;
    }
  }

  #open(): Promise<Network> {
    this.#opening ??= this.#openNow().then(
      (network) => (this.#network = network),
      (error: unknown) => {
        this.#opening = null; // the next one tries again
        throw error;
      },
    );
    return this.#opening;
  }

  async #openNow(): Promise<Network> {
    const { instanceDirectory, network } = this.#options;
    const { addressRange, uplink, hostNetns, leaseDirectory } = network;
    await this.#sweeping.catch(() => {}); // told already
    const had = hasMarker(instanceDirectory);
    // First: whoever finds the instance after this process's death looks for what the kernel has of it.
    writeMarker(instanceDirectory);
    try {
      return await openNetwork({
        instanceDirectory,
        uplink,
        ...(addressRange === null ? {} : { addressRange }),
        ...(hostNetns === null ? {} : { hostNetns }),
        ...(leaseDirectory === null ? {} : { leaseDirectory }),
      });
    } catch (error) {
      if (!had) await this.#undoOpen();
      throw error;
    }
  }

  async #undoOpen(): Promise<void> {
    const { instanceDirectory, network, logger } = this.#options;
    try {
      await sweepNetworkOf(instanceDirectory, network);
    } catch (err) {
      // Who may not look has made nothing either.
      if ((err as NetworkError).code === 'ERR_NETWORK_PERMISSION') return removeMarker(instanceDirectory);
      logger.error({ err }, 'the rules of a network that could not be opened are left; the next opening removes them');
    }
  }

  #takeUnreleased(): SlotPlace[] {
    const places = [...this.#unreleased];
    this.#unreleased.clear();
    return places;
  }

  async #releaseAll(): Promise<void> {
    if (this.#opening === null) return;
    const places = this.#takeUnreleased();
    for (const { id } of places) this.#releasing.add(id);
    for (const place of places) {
      try {
        await (await this.#opening).release(place);
        this.#inUse.remove(place);
      } catch (err) {
        this.#unreleased.add(place);
        this.#options.logger.error({ err, slot: place.interfaceName }, 'a network slot could not be released');
      } finally {
        this.#releasing.delete(place.id);
      }
    }
  }
}
