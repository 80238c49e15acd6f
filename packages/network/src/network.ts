import { randomBytes } from 'node:crypto';
import { closeFd, makeNetworkSlot } from '@hatchery/linux';
import { type AddressRange, addressNumber, addressText } from './address.ts';
import { forgetConnections, type Tracking } from './connections.ts';
import type { KernelState } from './kernel-state.ts';
import type { Leases } from './leases.ts';
import { deleteLink, linksOf } from './links.ts';
import { interfaceName, type Names } from './names.ts';
import { Netfilter } from './netfilter.ts';
import { NetworkError, networkError } from './network-error.ts';
import type { Request } from './nft-message.ts';
import { Rulebook } from './rulebook.ts';
import { type CompiledRules, compileRules, type NetworkRules, permits } from './rules.ts';
import { abortSockets } from './sockets.ts';
import { Together } from './together.ts';

/** Where a slot is: plain data, for the record of a sandbox. */
export interface SlotPlace {
  /** Of this slot and none before or after it, whose address and interface may be the same; '' where an earlier build made it. */
  readonly id: string;
  /** The host's end of the pair; carries the instance. */
  readonly interfaceName: string;
  /** IPv4 address inside. */
  readonly address: string;
  /** The host's end's address. */
  readonly gateway: string;
}

export interface Slot extends SlotPlace {
  /** Its network namespace, owned by the thread that made it (`closeFd`, `releaseFd` of @hatchery/linux). */
  readonly netns: number;
}

/** What `openNetwork` found out. */
export interface NetworkParts {
  readonly instanceDirectory: string;
  readonly names: Names;
  readonly range: AddressRange;
  readonly hostNetns: number | null;
  /** Of the rules; closed by `close`. */
  readonly netfilter: Netfilter;
  readonly leases: Leases;
  readonly state: KernelState;
  readonly staticRules: readonly Request[];
}

/** A pair goes some milliseconds after its last user. */
const reclaimAfterMs = 1000;

interface Cut {
  readonly address: number;
  readonly isKept: (destination: number) => boolean;
}

const ignore = (): void => undefined;

/**
 * The slots of one instance and their rules. Make it with `openNetwork`. Long, because what an address is at any moment (being
 * made, known, being released, on its way out) is decided here and nowhere else.
 */
export class Network {
  readonly #parts: NetworkParts;
  readonly #book: Rulebook;
  /** With a socket of its own: no rules wait for a look through a long table. */
  readonly #tracking: Tracking;
  /**
   * Of slots that are released. The kernel goes through its whole table for that, 4 ms on a large machine: one look for all that come
   * within ten times as long.
   */
  readonly #forgetting = new Together<number>(
    (addresses) => forgetConnections(this.#tracking, addresses, () => false),
    9,
  );
  /** Of slots whose rules have changed: one look for all of them. */
  readonly #cutting = new Together<Cut>((cuts) => {
    const byAddress = Map.groupBy(cuts, ({ address }) => address);
    const isKept = (destination: number, address: number): boolean =>
      byAddress.get(address)?.every((cut) => cut.isKept(destination)) ?? true;
    return forgetConnections(this.#tracking, [...byAddress.keys()], isKept);
  });
  /** Slots that this runner made or adopted, by address. */
  readonly #known = new Map<number, SlotPlace>();
  /** Leased, and not yet known, by address. */
  readonly #making = new Map<number, string>();
  /** Being released: neither in use nor anybody's yet. */
  readonly #releasing = new Map<number, string>();
  /** Of `#leaving`: the host may still track connections of theirs. */
  readonly #remembered = new Set<number>();
  /** Released, and their pair perhaps still on its way out: their addresses are nobody's yet. */
  readonly #leaving = new Map<number, string>();
  #reclaiming: Promise<void> | null = null;
  #soon: NodeJS.Timeout | null = null;
  /**
   * Slots are made two at a time: each holds one of the few threads that files and names of the whole process have, for as long
   * as the kernel clears other namespaces away.
   */
  readonly #lanes: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()];
  #nextLane = 0;
  #closing: Promise<boolean> | null = null;

  /**
   * Use {@link openNetwork}.
   * @internal
   */
  constructor(parts: NetworkParts) {
    this.#parts = parts;
    const { hostNetns } = parts;
    this.#tracking = { netfilter: new Netfilter(hostNetns), hostNetns };
    this.#book = new Rulebook(parts);
  }

  /**
   * A new slot, which reaches nothing until `setRules`. Single-use. `sandboxId` goes into the lease of its address. Rejects
   * with `NetworkError`, and nothing is left: ERR_NETWORK_RANGE, _PERMISSION, _UNSUPPORTED, _FAILED, _CLOSED.
   */
  async makeSlot(options: { sandboxId?: string } = {}): Promise<Slot> {
    this.#requireOpen('make a slot');
    const { hostNetns } = this.#parts;
    const place = await this.#lease(options.sandboxId);
    const gateway = addressNumber(place.gateway);
    let netns: number | null = null;
    try {
      const { interfaceName } = place;
      netns = await this.#inLane(() =>
        makeNetworkSlot({ hostNetns, interfaceName, address: gateway + 1, gateway, prefix: 31 }),
      );
      this.#requireOpen('admit a slot');
      await this.#book.admit(place);
    } catch (error) {
      if (netns !== null) closeFd(netns);
      this.#making.delete(gateway + 1);
      this.#leaving.set(gateway + 1, place.interfaceName);
      await this.#reclaim().catch(ignore); // tried again at the next release; the lease says whose it is
      throw networkError('make a slot', error);
    }
    this.#making.delete(gateway + 1);
    this.#known.set(gateway + 1, place);
    return { ...place, netns };
  }

  /**
   * Replaces all rules of a slot at once: each packet meets the old rules or the new ones. Resolves when connections that
   * are no longer allowed are cut. `netns`, borrowed, lets it tell the sockets inside too. Rejects with `NetworkError`
   * (ERR_NETWORK_RULES, _FAILED, …), and the old rules are in force unless the step says `cut connections`.
   */
  async setRules(place: SlotPlace, rules: NetworkRules, options: { netns?: number } = {}): Promise<void> {
    this.#requireOpen('set rules');
    const compiled = compileRules(rules);
    const address = this.#addressOf(place);
    if (!this.#isKnown(place)) throw notKnown(place);
    const isFirst = await this.#put(address, compiled);
    // Before its first rules it had no connection that could be cut.
    if (!isFirst) await this.#cut(place, compiled, options.netns);
  }

  /**
   * Takes a slot out of the ruleset: nothing passes from or to it. Call it when the kernel has confirmed that nobody is
   * left in it. The namespace goes with its last descriptor, its address is free once the pair is gone. Idempotent: a slot that
   * was released is not mistaken for the one that has its address now. One that could not be is in use as before.
   */
  async release(place: SlotPlace): Promise<void> {
    const address = this.#addressOf(place);
    if (!this.#isKnown(place)) return;
    this.#known.delete(address);
    this.#releasing.set(address, place.interfaceName);
    try {
      // Refused and not dropped: a socket that says goodbye to nobody would keep the namespace for minutes.
      await this.#book.silence(address);
    } catch (error) {
      this.#known.set(address, place);
      this.#releasing.delete(address);
      throw networkError('release a slot', error);
    }
    // The next who has the address is neither let into these connections nor cut off by a look that comes late.
    await this.#forgetting.do(address).catch(() => this.#remembered.add(address));
    this.#releasing.delete(address);
    this.#leaving.set(address, place.interfaceName);
    if (this.#leaving.size >= 64)
      await this.#reclaim().catch(ignore); // tried again at the next
    else this.#reclaimSoon();
  }

  /**
   * The slot of a sandbox that outlived its runner is this runner's; its rules are put in force where they are not. A lease that was
   * lost meanwhile is taken again. Connections that are not allowed are cut; `netns`, borrowed, has sockets inside be told. Rejects with `NetworkError`; a slot whose address is another instance's by now reaches nothing then.
   */
  async adopt(place: SlotPlace, rules: NetworkRules, options: { netns?: number } = {}): Promise<void> {
    this.#requireOpen('adopt a slot');
    const address = this.#addressOf(place);
    const { names, state, leases, instanceDirectory } = this.#parts;
    if (!place.interfaceName.startsWith(names.interfacePrefix)) throw notKnown(place);
    const compiled = compileRules(rules);
    const { slots } = state;
    if (!leases.retake(address - 1, instanceDirectory)) {
      await this.#book.expel([address]);
      throw isAnothers(place);
    }
    if (slots.get(address) !== place.interfaceName) {
      if (slots.has(address)) await this.#book.expel([address]);
      await this.#book.admit(place).catch((error: unknown) => {
        throw networkError('adopt a slot', error);
      });
    }
    const { id, interfaceName, gateway } = place;
    this.#known.set(address, { id, interfaceName, address: place.address, gateway });
    try {
      await this.#book.ensure(address, compiled).catch((error: unknown) => {
        throw networkError('set rules', error);
      });
    } catch (error) {
      // Nobody's again; what is left of it the next sweep removes.
      this.#known.delete(address);
      await this.#book.expel([address]).catch(ignore);
      throw error;
    }
    // Whatever it was let while nobody saw to the rules.
    await this.#cut(place, compiled, options.netns);
  }

  /** Throws ERR_NETWORK_RANGE for a slot of another range: its packets would leave with its own address, and meet no rule. */
  requireInRange(places: readonly SlotPlace[]): void {
    const { first, last } = this.#parts.range;
    const other = places.map((place) => place.address).find((text) => !isWithin(addressNumber(text), first, last));
    if (other === undefined) return;
    const range = `${addressText(first)} to ${addressText(last)}`;
    const text = `a slot in use has ${other}, and the addressRange is ${range}; give the range that it was made in`;
    throw new NetworkError('ERR_NETWORK_RANGE', 'adopt slots', text);
  }

  /** After all adoptions: what the kernel and the leases have of this instance beyond the slots that are known goes. */
  async sweep(): Promise<void> {
    const { names, hostNetns, leases, instanceDirectory } = this.#parts;
    try {
      // Each is looked up when its turn comes: slots are made and released meanwhile.
      for (const link of await linksOf(hostNetns, names.interfacePrefix)) {
        if (!this.#ownNames().has(link)) await deleteLink(hostNetns, link);
      }
      await this.#book.expelAll((address) => !this.#isOwn(address));
      for (const lease of leases.of(instanceDirectory)) {
        const first = addressNumber(lease);
        if (this.#isOwn(first + 1)) continue;
        // The next who has this address must not inherit its connections.
        await forgetConnections(this.#tracking, [first + 1], () => false);
        leases.give(first);
      }
      await this.#reclaim();
    } catch (error) {
      throw networkError('sweep', error);
    }
  }

  /** The slots that are in use. */
  slots(): SlotPlace[] {
    return [...this.#known.values()];
  }

  /**
   * Puts the rules back in force that somebody else has taken out, `nft flush ruleset` say: ask now and then. Every other
   * call that meets their absence does so, too. Resolves with whether that was needed.
   */
  async verify(): Promise<boolean> {
    this.#requireOpen('verify the rules');
    return await this.#book.verify().catch((error: unknown) => {
      throw networkError('verify the rules', error);
    });
  }

  /** The host ends that the kernel has, and the names of those that no slot accounts for. */
  async links(): Promise<{
    /** Names of all of this instance. */
    there: string[];
    /** Those that no slot accounts for. */
    strays: string[];
  }> {
    const { hostNetns, names } = this.#parts;
    const before = this.#ownNames();
    const there = [...(await linksOf(hostNetns, names.interfacePrefix))];
    // One that was made or has gone meanwhile is no stray.
    const after = this.#ownNames();
    return { there, strays: there.filter((name) => !before.has(name) && !after.has(name)) };
  }

  /**
   * Removes the tables when the kernel has no slot of this instance, of whichever runner; else they stay in force, for the
   * next runner. Resolves with whether nothing of the instance is left. Idempotent.
   */
  close(): Promise<boolean> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<boolean> {
    try {
      return await this.#close();
    } finally {
      for (const { netfilter } of [this.#parts, this.#tracking]) await netfilter.close();
    }
  }

  async #close(): Promise<boolean> {
    if (this.#soon !== null) clearTimeout(this.#soon);
    const deadline = Date.now() + 5000;
    const pending = () => this.#leaving.size + this.#releasing.size + this.#making.size > 0;
    // The kernel takes pairs away some time after the last descriptor; it tells nobody who has not asked before.
    for (await this.#reclaim(); pending() && Date.now() < deadline; await this.#reclaim()) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return await this.#removeTables();
  }

  /** The same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #requireOpen(step: string): void {
    if (this.#closing !== null)
      throw new NetworkError('ERR_NETWORK_CLOSED', step, 'the network was closed; open a new one');
  }

  /** A lease, and what is derived from it. Small ranges are all released at times, and none of them reclaimed. */
  async #lease(sandboxId: string | undefined): Promise<SlotPlace> {
    const { instanceDirectory, names, range, leases } = this.#parts;
    const owner = sandboxId === undefined ? instanceDirectory : `${instanceDirectory}/sandboxes/${sandboxId}`;
    const take = (): SlotPlace => {
      const pair = leases.take(range.first, (range.last - range.first + 1) / 2, owner);
      const gateway = range.first + 2 * pair;
      const name = interfaceName(names, pair);
      this.#making.set(gateway + 1, name); // in the same step: a sweep would give the lease back
      const id = randomBytes(8).toString('hex');
      return { id, interfaceName: name, address: addressText(gateway + 1), gateway: addressText(gateway) };
    };
    try {
      return take();
    } catch (error) {
      if ((error as NetworkError).code !== 'ERR_NETWORK_RANGE' || this.#leaving.size === 0) throw error;
    }
    await this.#reclaim().catch((error: unknown) => {
      throw networkError('make a slot', error);
    });
    this.#requireOpen('make a slot');
    return take();
  }

  #inLane<T>(make: () => Promise<T>): Promise<T> {
    const lane = this.#nextLane++ % this.#lanes.length;
    const made = (this.#lanes[lane] ?? Promise.resolve()).then(make);
    this.#lanes[lane] = made.catch(ignore); // told to whoever asked for it
    return made;
  }

  #isOwn(address: number): boolean {
    return [this.#known, this.#making, this.#releasing, this.#leaving].some((map) => map.has(address));
  }

  #isKnown(place: SlotPlace): boolean {
    return this.#known.get(this.#addressOf(place))?.id === place.id;
  }

  #ownNames(): Set<string> {
    const known = [...this.#known.values()].map((place) => place.interfaceName);
    return new Set([...known, ...this.#making.values(), ...this.#releasing.values(), ...this.#leaving.values()]);
  }

  /** Without the tables nothing is refused: a slot of an earlier runner that nobody adopted would be let out. */
  async #removeTables(): Promise<boolean> {
    const { names, hostNetns, state } = this.#parts;
    if (this.#ownNames().size > 0 || state.slots.size > 0) return false;
    if ((await linksOf(hostNetns, names.interfacePrefix)).size > 0) return false;
    await this.#book.removeTables();
    return true;
  }

  #addressOf(place: SlotPlace): number {
    return addressNumber(place.address);
  }

  async #put(address: number, compiled: CompiledRules): Promise<boolean> {
    return await this.#book.install(address, compiled).catch((error: unknown) => {
      throw networkError('set rules', error);
    });
  }

  async #cut(place: SlotPlace, compiled: CompiledRules, netns?: number): Promise<void> {
    const isAllowed = (destination: number): boolean => permits(compiled, destination);
    // Once it is released, which nobody waits with, connections of its address may be another's.
    const isKept = (destination: number): boolean => !this.#isKnown(place) || isAllowed(destination);
    try {
      await this.#cutting.do({ address: this.#addressOf(place), isKept });
      if (netns !== undefined) await abortSockets(netns, isAllowed);
    } catch (error) {
      throw networkError('cut connections', error);
    }
  }

  /** Gives back the addresses of released slots whose pair is gone. One at a time: a second would give what is leased again. */
  #reclaim(): Promise<void> {
    this.#reclaiming ??= this.#giveBack().finally(() => {
      this.#reclaiming = null;
    });
    return this.#reclaiming;
  }

  /** What a burst of releases has left does not linger until there are many. */
  #reclaimSoon(): void {
    if (this.#soon !== null || this.#closing !== null || this.#leaving.size === 0) return;
    this.#soon = setTimeout(() => {
      this.#soon = null;
      this.#reclaim()
        .catch(ignore)
        .finally(() => this.#reclaimSoon()); // what is still there, or could not be, the next time
    }, reclaimAfterMs).unref();
  }

  async #giveBack(): Promise<void> {
    const { names, hostNetns, leases } = this.#parts;
    const leaving = [...this.#leaving]; // before the look: the pair of one that is added later may not be in it
    if (leaving.length === 0) return;
    const there = await linksOf(hostNetns, names.interfacePrefix);
    const gone = leaving.filter(([, name]) => !there.has(name)).map(([address]) => address);
    const remembered = gone.filter((address) => this.#remembered.has(address));
    if (remembered.length > 0) await forgetConnections(this.#tracking, remembered, () => false);
    await this.#book.expel(gone);
    for (const address of gone) {
      this.#remembered.delete(address);
      leases.give(address - 1);
      this.#leaving.delete(address);
    }
  }
}

function isWithin(address: number, first: number, last: number): boolean {
  return address >= first && address <= last;
}

function notKnown(place: SlotPlace): NetworkError {
  return new NetworkError(
    'ERR_NETWORK_OPTION',
    'find a slot',
    `${JSON.stringify(place.interfaceName)} at ${JSON.stringify(place.address)} is no slot of this network; adopt it first`,
  );
}

function isAnothers({ address }: SlotPlace): NetworkError {
  const text = `the lease of ${address} is another instance's now; the slot reaches nothing, destroy its sandbox`;
  return new NetworkError('ERR_NETWORK_RANGE', 'adopt a slot', text);
}
