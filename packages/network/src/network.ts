import { closeFd, makeNetworkSlot, NetlinkProtocol, netlinkTransaction } from '@hatchery/linux';
import { type AddressRange, addressNumber, addressText } from './address.ts';
import { forgetConnections } from './connections.ts';
import { type KernelState, readKernelState } from './kernel-state.ts';
import type { Leases } from './leases.ts';
import { deleteLink, linksOf } from './links.ts';
import { interfaceName, type Names } from './names.ts';
import { big32 } from './netlink-message.ts';
import { NetworkError, networkError } from './network-error.ts';
import { addElements, batch, deleteElements, deleteTable, type Element, Family, type Request } from './nft-message.ts';
import { type CompiledRules, compileRules, type NetworkRules, permits } from './rules.ts';
import { type Bank, chainOf, rangeSet, rangeSets } from './ruleset.ts';
import { abortSockets } from './sockets.ts';

/** Where a slot is: plain data, for the record of a sandbox. */
export interface SlotPlace {
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
  readonly leases: Leases;
  readonly state: KernelState;
}

const { inet, arp } = Family;
const ignore = (): void => undefined;

/** The slots of one instance and their rules. Make it with `openNetwork`. */
export class Network {
  readonly #parts: NetworkParts;
  /** Slots that this runner made or adopted, by address. */
  readonly #known = new Map<number, SlotPlace>();
  /** Leased, and not yet known, by address. */
  readonly #making = new Map<number, string>();
  /** Released, and their pair perhaps still on its way out: their addresses are nobody's yet. */
  readonly #leaving = new Map<number, string>();
  /** One transaction at a time: the kernel has one lock for them anyway. */
  #turn: Promise<unknown> = Promise.resolve();
  #reclaiming: Promise<void> | null = null;
  #closing: Promise<boolean> | null = null;

  constructor(parts: NetworkParts) {
    this.#parts = parts;
  }

  /**
   * A new slot, which reaches nothing until `setRules`. Single-use. `sandboxId` goes into the lease of its address.
   * Rejects with `NetworkError`, and nothing is left: ERR_NETWORK_RANGE, _PERMISSION, _UNSUPPORTED, _FAILED, _CLOSED.
   */
  async makeSlot(options: { sandboxId?: string } = {}): Promise<Slot> {
    this.#requireOpen('make a slot');
    const { hostNetns } = this.#parts;
    const place = await this.#lease(options.sandboxId);
    const gateway = addressNumber(place.gateway);
    let netns: number | null = null;
    try {
      netns = await makeNetworkSlot({
        hostNetns,
        interfaceName: place.interfaceName,
        address: gateway + 1,
        gateway,
        prefix: 31,
      });
      await this.#inTurn(() => this.#admit(place));
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
    if (!this.#known.has(address)) throw notKnown(place);
    await this.#inTurn(() => this.#install(address, compiled)).catch((error: unknown) => {
      throw networkError('set rules', error);
    });
    await this.#cut(address, (destination) => permits(compiled, destination), options.netns);
  }

  /**
   * Takes a slot out of the ruleset: nothing passes from or to it. Call it when the kernel has confirmed that nobody is
   * left in it. The namespace goes with its last descriptor, its address is free once the pair is gone. Idempotent.
   */
  async release(place: SlotPlace): Promise<void> {
    const address = this.#addressOf(place);
    if (!this.#known.delete(address)) return;
    this.#leaving.set(address, place.interfaceName);
    // Refused and not dropped: a socket that says goodbye to nobody would keep the namespace for minutes.
    await this.#inTurn(() => this.#expel([address], { silenced: true })).catch((error: unknown) => {
      this.#known.set(address, place);
      this.#leaving.delete(address);
      throw networkError('release a slot', error);
    });
    await forgetConnections(this.#parts.hostNetns, address, () => false).catch(ignore); // they end by their time-out
    if (this.#leaving.size >= 64) await this.#reclaim().catch(ignore); // tried again at the next
  }

  /**
   * The slot of a sandbox that outlived its runner is this runner's; its rules are put in force anew. A lease that was lost
   * meanwhile is taken again. Rejects with `NetworkError`; a slot whose address is another instance's by now reaches nothing then.
   */
  async adopt(place: SlotPlace, rules: NetworkRules): Promise<void> {
    this.#requireOpen('adopt a slot');
    const address = this.#addressOf(place);
    const { names, state, leases, instanceDirectory } = this.#parts;
    if (!place.interfaceName.startsWith(names.interfacePrefix)) throw notKnown(place);
    compileRules(rules);
    const { slots } = state;
    if (!leases.retake(address - 1, instanceDirectory)) {
      await this.#inTurn(() => this.#expel([address]));
      throw isAnothers(place);
    }
    if (slots.get(address) !== place.interfaceName) {
      if (slots.has(address)) await this.#inTurn(() => this.#expel([address]));
      await this.#inTurn(() => this.#admit(place)).catch((error: unknown) => {
        throw networkError('adopt a slot', error);
      });
    }
    this.#known.set(address, { interfaceName: place.interfaceName, address: place.address, gateway: place.gateway });
    await this.setRules(place, rules);
  }

  /** After all adoptions: what the kernel and the leases have of this instance beyond the slots that are known goes. */
  async sweep(): Promise<void> {
    const { names, hostNetns, leases, instanceDirectory, state } = this.#parts;
    try {
      // Each is looked up when its turn comes: slots are made and released meanwhile.
      for (const link of await linksOf(hostNetns, names.interfacePrefix)) {
        if (!this.#ownNames().has(link)) await deleteLink(hostNetns, link);
      }
      await this.#inTurn(() => {
        const { slots, verdicts, answers, ranges } = state;
        const addresses = [slots, verdicts, answers, ...ranges.values()].flatMap((map) => [...map.keys()]);
        return this.#expel([...new Set(addresses)].filter((address) => !this.#isOwn(address)));
      });
      for (const lease of leases.of(instanceDirectory)) {
        const first = addressNumber(lease);
        if (this.#isOwn(first + 1)) continue;
        // The next who has this address must not inherit its connections.
        await forgetConnections(hostNetns, first + 1, () => false);
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

  /** The host ends that the kernel has, and the names of those that no slot accounts for. */
  async links(): Promise<{ there: string[]; strays: string[] }> {
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
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<boolean> {
    const deadline = Date.now() + 5000;
    const pending = () => this.#leaving.size + this.#making.size > 0;
    // The kernel takes pairs away some time after the last descriptor; it tells nobody who has not asked before.
    for (await this.#reclaim(); pending() && Date.now() < deadline; await this.#reclaim()) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return await this.#inTurn(() => this.#removeTables());
  }

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
      return { interfaceName: name, address: addressText(gateway + 1), gateway: addressText(gateway) };
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

  #isOwn(address: number): boolean {
    return this.#known.has(address) || this.#making.has(address) || this.#leaving.has(address);
  }

  #ownNames(): Set<string> {
    const known = [...this.#known.values()].map((place) => place.interfaceName);
    return new Set([...known, ...this.#making.values(), ...this.#leaving.values()]);
  }

  /** Without the tables nothing is refused: a slot of an earlier runner that nobody adopted would be let out. */
  async #removeTables(): Promise<boolean> {
    const { names, hostNetns, state } = this.#parts;
    if (this.#ownNames().size > 0 || state.slots.size > 0) return false;
    if ((await linksOf(hostNetns, names.interfacePrefix)).size > 0) return false;
    for (const family of [inet, arp]) {
      await this.#transact([deleteTable(family, names.table)]).catch((error: unknown) => {
        if (!isGone(error)) throw error;
      });
    }
    return true;
  }

  #addressOf(place: SlotPlace): number {
    return addressNumber(place.address);
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(act);
    this.#turn = done.catch(ignore); // told to whoever asked for it
    return done;
  }

  async #transact(requests: readonly Request[]): Promise<void> {
    if (requests.length === 0) return;
    await netlinkTransaction(this.#parts.hostNetns, NetlinkProtocol.NETLINK_NETFILTER, batch(requests));
  }

  async #admit(place: SlotPlace): Promise<void> {
    this.#requireOpen('admit a slot');
    const { names, state } = this.#parts;
    const address = this.#addressOf(place);
    const element = slotElement(place.interfaceName, address);
    await this.#transact([
      ...addElements(inet, names.table, 'slots', [element]),
      ...addElements(arp, names.table, 'slots', [element]),
    ]);
    state.slots.set(address, place.interfaceName);
  }

  /** The new ranges are in the idle bank before the element is switched that says which bank is meant. */
  async #install(address: number, { closed, allow, deny }: CompiledRules): Promise<void> {
    const { verdicts } = this.#parts.state;
    const bank: Bank = verdicts.get(address)?.endsWith('0') === true ? 1 : 0;
    const idle: Bank = bank === 0 ? 1 : 0;
    // What a change that failed has left there.
    await this.#emptyBank(bank, [address]);
    await this.#fillBank(bank, address, { allow, deny });
    await this.#switchTo(address, closed ? 'closed' : 'open', bank);
    // Without effect from now on: what cannot be removed here is when the bank is used again, or with the slot.
    await this.#emptyBank(idle, [address]).catch(ignore);
  }

  async #fillBank(
    bank: Bank,
    address: number,
    ranges: { allow: readonly AddressRange[]; deny: readonly AddressRange[] },
  ): Promise<void> {
    const { names, state } = this.#parts;
    const lists = (['allow', 'deny'] as const).map((list) => {
      const elements = ranges[list].map((range) => rangeElement(address, range));
      return { set: rangeSet(list, bank).name, elements };
    });
    await this.#transact(lists.flatMap(({ set, elements }) => addElements(inet, names.table, set, elements)));
    for (const { set, elements } of lists) if (elements.length > 0) state.ranges.get(set)?.set(address, elements);
  }

  async #emptyBank(bank: Bank, addresses: readonly number[]): Promise<void> {
    const sets = [rangeSet('allow', bank).name, rangeSet('deny', bank).name];
    await this.#transact(sets.flatMap((set) => this.#rangesOut(set, addresses)));
    for (const set of sets) for (const address of addresses) this.#parts.state.ranges.get(set)?.delete(address);
  }

  #rangesOut(set: string, addresses: readonly number[]): Request[] {
    const ranges = this.#parts.state.ranges.get(set);
    return deleteElements(
      inet,
      this.#parts.names.table,
      set,
      addresses.flatMap((address) => ranges?.get(address) ?? []),
    );
  }

  async #switchTo(address: number, kind: 'open' | 'closed', bank: Bank): Promise<void> {
    const { names, state } = this.#parts;
    const key = big32(address);
    await this.#transact(
      (['verdicts', 'answers'] as const).flatMap((map) => [
        ...(state[map].has(address) ? deleteElements(inet, names.table, map, [{ key }]) : []),
        ...addElements(inet, names.table, map, [{ key, chain: chainOf(kind, bank, map === 'answers') }]),
      ]),
    );
    state.verdicts.set(address, chainOf(kind, bank, false));
    state.answers.set(address, chainOf(kind, bank, true));
  }

  /** Somebody else may have taken them out before, or the tables (`nft flush ruleset`): then what the kernel has counts. */
  async #expel(addresses: readonly number[], options: { silenced?: boolean } = {}): Promise<void> {
    try {
      await this.#takeOut(addresses, options);
    } catch (error) {
      if (!isGone(error)) throw error;
      await this.#readStateAnew();
      await this.#takeOut(addresses, options);
    }
  }

  async #readStateAnew(): Promise<void> {
    const { hostNetns, names, state } = this.#parts;
    const now = await readKernelState(hostNetns, names.table).catch((error: unknown) => {
      if (isGone(error)) return null;
      throw error;
    });
    for (const map of ['slots', 'verdicts', 'answers'] as const) {
      state[map].clear();
      for (const [address, value] of now?.[map] ?? []) state[map].set(address, value);
    }
    for (const [set, ranges] of state.ranges) {
      ranges.clear();
      for (const [address, elements] of now?.ranges.get(set) ?? []) ranges.set(address, elements);
    }
  }

  /** All elements of slots, in one transaction. `silenced` slots stay known by their address, and are refused everything. */
  async #takeOut(addresses: readonly number[], options: { silenced?: boolean }): Promise<void> {
    const { names, state } = this.#parts;
    const silenced = options.silenced === true;
    const slots = addresses.flatMap((address) => {
      const name = state.slots.get(address);
      return name === undefined || silenced ? [] : [slotElement(name, address)];
    });
    const keys = (map: Map<number, string>) =>
      addresses.filter((address) => map.has(address)).map((address) => ({ key: big32(address) }));
    await this.#transact([
      ...deleteElements(inet, names.table, 'slots', slots),
      ...deleteElements(arp, names.table, 'slots', slots),
      ...deleteElements(inet, names.table, 'verdicts', keys(state.verdicts)),
      ...deleteElements(inet, names.table, 'answers', keys(state.answers)),
      ...rangeSets.flatMap(({ name }) => this.#rangesOut(name, addresses)),
    ]);
    const kept = silenced ? [] : [state.slots];
    for (const map of [...kept, state.verdicts, state.answers, ...state.ranges.values()]) {
      for (const address of addresses) map.delete(address);
    }
  }

  async #cut(address: number, allowed: (destination: number) => boolean, netns: number | undefined): Promise<void> {
    try {
      await forgetConnections(this.#parts.hostNetns, address, allowed);
      if (netns !== undefined) await abortSockets(netns, allowed);
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

  async #giveBack(): Promise<void> {
    const { names, hostNetns, leases } = this.#parts;
    const leaving = [...this.#leaving]; // before the look: the pair of one that is added later may not be in it
    if (leaving.length === 0) return;
    const there = await linksOf(hostNetns, names.interfacePrefix);
    const gone = leaving.filter(([, name]) => !there.has(name)).map(([address]) => address);
    await this.#inTurn(() => this.#expel(gone));
    for (const address of gone) {
      leases.give(address - 1);
      this.#leaving.delete(address);
    }
  }
}

function isGone(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function slotElement(name: string, address: number): Element {
  const key = Buffer.alloc(20);
  key.write(name, 'latin1');
  key.writeUInt32BE(address, 16);
  return { key };
}

function rangeElement(slot: number, { first, last }: AddressRange): Element {
  return { key: Buffer.concat([big32(slot), big32(first)]), keyEnd: Buffer.concat([big32(slot), big32(last)]) };
}

function isAnothers({ address }: SlotPlace): NetworkError {
  const text = `the lease of ${address} is another instance's now; the slot reaches nothing, destroy its sandbox`;
  return new NetworkError('ERR_NETWORK_RANGE', 'adopt a slot', text);
}

function notKnown(place: SlotPlace): NetworkError {
  return new NetworkError(
    'ERR_NETWORK_OPTION',
    'find a slot',
    `${JSON.stringify(place.interfaceName)} at ${JSON.stringify(place.address)} is no slot of this network; adopt it first`,
  );
}
