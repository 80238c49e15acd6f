import { addressNumber } from './address.ts';
import { holdsRules, isSameState, type KernelState, readGeneration, readKernelState } from './kernel-state.ts';
import type { Names } from './names.ts';
import type { Netfilter } from './netfilter.ts';
import { big32 } from './netlink-message.ts';
import type { SlotPlace } from './network.ts';
import {
  addElements,
  batch,
  deleteElements,
  deleteTable,
  type Element,
  Family,
  newTable,
  type Request,
} from './nft-message.ts';
import { rangeElement, slotElement } from './rule-elements.ts';
import type { CompiledRules } from './rules.ts';
import { type Bank, chainOf, rangeSet, rangeSets } from './ruleset.ts';
import { Together } from './together.ts';

const { inet, arp } = Family;
const ignore = (): void => undefined;

/** Where the rules are, and what the kernel has of them. */
export interface RulebookParts {
  readonly names: Names;
  readonly netfilter: Netfilter;
  /** What is in force, or was until somebody else changed it. */
  readonly state: KernelState;
  /** That make the tables, with nothing in their sets. */
  readonly staticRules: readonly Request[];
}

/**
 * The elements of one instance's sets: who may send, and towards what. Rejects with what the kernel said.
 * One transaction after the other; slots that are silenced at once share one.
 */
export class Rulebook {
  readonly #parts: RulebookParts;
  /** One transaction at a time: the kernel has one lock for them anyway. */
  #turn: Promise<unknown> = Promise.resolve();
  /** The last of the kernel's generations of rules that were as they are in this book; null: nobody has looked. */
  #generation: number | null = null;
  readonly #silencing = new Together<number>((addresses) =>
    this.#inTurn(() => this.#takeOut(addresses, { silenced: true })),
  );

  constructor(parts: RulebookParts) {
    this.#parts = parts;
  }

  /** Lets a slot's packets in, towards nothing yet. */
  admit(place: SlotPlace): Promise<void> {
    return this.#inTurn(async () => {
      const { names, state } = this.#parts;
      const address = addressNumber(place.address);
      const element = slotElement(place.interfaceName, address);
      await this.#transact([
        ...addElements(inet, names.table, 'slots', [element]),
        ...addElements(arp, names.table, 'slots', [element]),
      ]);
      state.slots.set(address, place.interfaceName);
    });
  }

  /** Replaces all rules of a slot at once. Resolves with whether they are its first. */
  install(address: number, rules: CompiledRules): Promise<boolean> {
    return this.#inTurn(async () => {
      const { verdicts, answers } = this.#parts.state;
      const isFirst = !verdicts.has(address) && !answers.has(address);
      if (isFirst) await this.#putFirst(address, rules);
      else await this.#replace(address, rules);
      return isFirst;
    });
  }

  /** The same for a slot that an earlier runner gave its rules: what is in force already is left alone. */
  ensure(address: number, rules: CompiledRules): Promise<void> {
    return this.#inTurn(async () => {
      const { state } = this.#parts;
      if (holdsRules(state, address, rules)) return;
      if (state.verdicts.has(address) || state.answers.has(address)) await this.#replace(address, rules);
      else await this.#putFirst(address, rules);
    });
  }

  /**
   * Refuses a slot everything, which stays known by its address: refused and not dropped, because a socket that says goodbye
   * to nobody would keep the namespace for minutes. Those that come while others wait for their turn go with them.
   */
  silence(address: number): Promise<void> {
    return this.#silencing.do(address);
  }

  /** All elements of slots, in one transaction: what they send is dropped. */
  expel(addresses: readonly number[]): Promise<void> {
    return this.#inTurn(() => this.#takeOut(addresses, { silenced: false }));
  }

  /** Those that are chosen when its turn has come: slots are made and released meanwhile. */
  expelAll(choose: (address: number) => boolean): Promise<void> {
    return this.#inTurn(() => {
      const { slots, verdicts, answers, ranges } = this.#parts.state;
      const addresses = [slots, verdicts, answers, ...ranges.values()].flatMap((map) => [...map.keys()]);
      return this.#takeOut([...new Set(addresses)].filter(choose), { silenced: false });
    });
  }

  /**
   * Looks whether all of it is in force still, and puts it back where somebody else has changed it (`nft flush ruleset`, the
   * reload of a firewall). Resolves with whether that was needed. Where nobody has committed anything since the last look but this
   * runner itself, it asks for no more than that.
   */
  verify(): Promise<boolean> {
    return this.#inTurn(async () => {
      const { netfilter, names, state } = this.#parts;
      const generation = await readGeneration(netfilter);
      if (generation === this.#generation) return false;
      // Before the look: what is committed during it is looked at the next time.
      this.#generation = generation;
      const now = await readKernelState(netfilter, names.table).catch((error: unknown) => {
        if (isGone(error)) return null;
        throw error;
      });
      if (now !== null && isSameState(now, state)) return false;
      await this.#restore();
      return true;
    });
  }

  removeTables(): Promise<void> {
    return this.#inTurn(async () => {
      for (const family of [inet, arp]) {
        await this.#send([deleteTable(family, this.#parts.names.table)]).catch((error: unknown) => {
          if (!isGone(error)) throw error;
        });
      }
    });
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(act);
    this.#turn = done.catch(ignore); // told to whoever asked for it
    return done;
  }

  /** What a request needs is there by our book: if not, somebody has taken it out, and it is put back first. */
  async #transact(requests: readonly Request[]): Promise<void> {
    if (requests.length === 0) return;
    try {
      await this.#send(requests);
    } catch (error) {
      if (!isGone(error)) throw error;
      await this.#restore();
      await this.#send(requests);
    }
  }

  /** Everything anew, in one transaction: no packet meets a part of it. */
  async #restore(): Promise<void> {
    const { names, state, staticRules } = this.#parts;
    const { table } = names;
    const slots = [...state.slots].map(([address, name]) => slotElement(name, address));
    const chains = (map: Map<number, string>): Element[] =>
      [...map].map(([address, chain]) => ({ key: big32(address), chain }));
    await this.#send([
      // A table can only be deleted that is there.
      ...[inet, arp].flatMap((family) => [newTable(family, table), deleteTable(family, table)]),
      ...staticRules,
      ...addElements(inet, table, 'slots', slots),
      ...addElements(arp, table, 'slots', slots),
      ...[...state.ranges].flatMap(([set, ranges]) => addElements(inet, table, set, [...ranges.values()].flat())),
      ...addElements(inet, table, 'verdicts', chains(state.verdicts)),
      ...addElements(inet, table, 'answers', chains(state.answers)),
    ]);
  }

  async #send(requests: readonly Request[]): Promise<void> {
    await this.#parts.netfilter.exchange(batch(requests));
    // Each transaction is one, anybody's.
    if (this.#generation !== null) this.#generation = (this.#generation + 1) >>> 0;
  }

  /**
   * In one transaction, ranges and the element that points to them. The kernel puts these in force a moment apart, in which a
   * denied address may be reached: so it is for slots that have no rules yet, and nobody in them.
   */
  async #putFirst(address: number, rules: CompiledRules): Promise<void> {
    // What a change that failed has left there.
    await this.#emptyBank(0, address);
    const parts = [this.#filling(0, address, rules), this.#switching(address, rules, 0)];
    await this.#transact(parts.flatMap(({ requests }) => requests));
    for (const { done } of parts) done();
  }

  /** The new ranges are in the idle bank before the element is switched that says which bank is meant. */
  async #replace(address: number, rules: CompiledRules): Promise<void> {
    const { verdicts } = this.#parts.state;
    const bank: Bank = verdicts.get(address)?.endsWith('0') === true ? 1 : 0;
    const idle: Bank = bank === 0 ? 1 : 0;
    // What a change that failed has left there.
    await this.#emptyBank(bank, address);
    for (const { requests, done } of [this.#filling(bank, address, rules), this.#switching(address, rules, bank)]) {
      await this.#transact(requests);
      done();
    }
    // Without effect from now on: what cannot be removed here is when the bank is used again, or with the slot.
    await this.#emptyBank(idle, address).catch(ignore);
  }

  #filling(bank: Bank, address: number, rules: CompiledRules): { requests: Request[]; done: () => void } {
    const { names, state } = this.#parts;
    const lists = (['allow', 'deny'] as const).map((list) => {
      const elements = rules[list].map((range) => rangeElement(address, range));
      return { set: rangeSet(list, bank).name, elements };
    });
    return {
      requests: lists.flatMap(({ set, elements }) => addElements(inet, names.table, set, elements)),
      done: () => {
        for (const { set, elements } of lists) if (elements.length > 0) state.ranges.get(set)?.set(address, elements);
      },
    };
  }

  #switching(address: number, { closed }: CompiledRules, bank: Bank): { requests: Request[]; done: () => void } {
    const { names, state } = this.#parts;
    const kind = closed ? 'closed' : 'open';
    const key = big32(address);
    return {
      requests: (['verdicts', 'answers'] as const).flatMap((map) => [
        ...(state[map].has(address) ? deleteElements(inet, names.table, map, [{ key }]) : []),
        ...addElements(inet, names.table, map, [{ key, chain: chainOf(kind, bank, map === 'answers') }]),
      ]),
      done: () => {
        state.verdicts.set(address, chainOf(kind, bank, false));
        state.answers.set(address, chainOf(kind, bank, true));
      },
    };
  }

  async #emptyBank(bank: Bank, address: number): Promise<void> {
    const sets = [rangeSet('allow', bank).name, rangeSet('deny', bank).name];
    await this.#transact(sets.flatMap((set) => this.#rangesOut(set, [address])));
    for (const set of sets) this.#parts.state.ranges.get(set)?.delete(address);
  }

  #rangesOut(set: string, addresses: readonly number[]): Request[] {
    const ranges = this.#parts.state.ranges.get(set);
    const elements = addresses.flatMap((address) => ranges?.get(address) ?? []);
    return deleteElements(inet, this.#parts.names.table, set, elements);
  }

  async #takeOut(addresses: readonly number[], { silenced }: { silenced: boolean }): Promise<void> {
    const { names, state } = this.#parts;
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
}

function isGone(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
