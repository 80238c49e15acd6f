import { setImmediate } from 'node:timers/promises';
import type { Netfilter } from './netfilter.ts';
import { dump } from './netlink-dump.ts';
import { attributes, find, payloads } from './netlink-message.ts';
import { dumpElements, dumpRules, type Element, Family, getGeneration } from './nft-message.ts';
import { rangeElement } from './rule-elements.ts';
import type { CompiledRules } from './rules.ts';
import { answersMap, banks, chainOf, rangeSet, rangeSets, slotsSet, verdictsMap } from './ruleset.ts';

/** The elements of an instance's sets, as the kernel has them. */
export interface KernelState {
  /** Name of the host end, by address. */
  readonly slots: Map<number, string>;
  /** Chain, by address, of each of the two maps. */
  readonly verdicts: Map<number, string>;
  readonly answers: Map<number, string>;
  /** By name of the set, and by address of the slot. */
  readonly ranges: ReadonlyMap<string, Map<number, Element[]>>;
  /** How many static rules there are, of IP and of ARP. */
  readonly rules: readonly [inet: number, arp: number];
}

export async function readKernelState(netfilter: Netfilter, table: string): Promise<KernelState> {
  const slots = new Map<number, string>();
  for (const { key } of await elementsOf(netfilter, table, slotsSet.name)) {
    slots.set(key.readUInt32BE(16), key.subarray(0, 16).toString('latin1').replace(/\0.*/, ''));
  }
  const ranges = new Map<string, Map<number, Element[]>>();
  for (const { name } of rangeSets) ranges.set(name, await rangesOf(netfilter, table, name));
  return {
    slots,
    verdicts: await chainsOf(netfilter, table, verdictsMap.name),
    answers: await chainsOf(netfilter, table, answersMap.name),
    ranges,
    rules: [await countRules(netfilter, table, Family.inet), await countRules(netfilter, table, Family.arp)],
  };
}

async function countRules(netfilter: Netfilter, table: string, family: number): Promise<number> {
  return (await dump((request) => netfilter.exchange(request), dumpRules(family, table))).length;
}

/** Which state of all rules of the network namespace this is: the kernel counts the transactions, whoever's they are. */
export async function readGeneration(netfilter: Netfilter): Promise<number> {
  const [payload] = payloads(await netfilter.exchange(getGeneration()));
  const id = payload === undefined ? undefined : find(payload.subarray(4), 1);
  if (id?.length !== 4) throw new Error('the kernel does not tell the generation of its rules');
  return id.readUInt32BE();
}

/** Whether a slot has exactly these rules. What its idle bank has is without effect. */
export function holdsRules({ verdicts, answers, ranges }: KernelState, address: number, rules: CompiledRules): boolean {
  const kind = rules.closed ? 'closed' : 'open';
  const bank = banks.find((one) => verdicts.get(address) === chainOf(kind, one, false));
  if (bank === undefined || answers.get(address) !== chainOf(kind, bank, true)) return false;
  return (['allow', 'deny'] as const).every((list) => {
    const there = (ranges.get(rangeSet(list, bank).name)?.get(address) ?? []).map(textOf);
    const wanted = rules[list].map((range) => textOf(rangeElement(address, range)));
    return there.toSorted().join() === wanted.toSorted().join();
  });
}

function textOf({ key, keyEnd = key }: Element): string {
  return `${key.toString('hex')}-${keyEnd.toString('hex')}`;
}

/** Whether both say the same of everybody; of ranges how many there are. */
export function isSameState(a: KernelState, b: KernelState): boolean {
  const areSame = (one: Map<number, string>, other: Map<number, string>): boolean =>
    one.size === other.size && [...one].every(([address, value]) => other.get(address) === value);
  const count = ({ ranges }: KernelState): string =>
    JSON.stringify([...ranges].map(([set, elements]) => [set, [...elements.values()].flat().length]));
  return (
    areSame(a.slots, b.slots) &&
    areSame(a.verdicts, b.verdicts) &&
    areSame(a.answers, b.answers) &&
    count(a) === count(b) &&
    a.rules.join() === b.rules.join()
  );
}

async function chainsOf(netfilter: Netfilter, table: string, map: string): Promise<Map<number, string>> {
  const elements = await elementsOf(netfilter, table, map);
  return new Map(elements.map(({ key, chain = '' }) => [key.readUInt32BE(), chain]));
}

async function rangesOf(netfilter: Netfilter, table: string, set: string): Promise<Map<number, Element[]>> {
  const found = new Map<number, Element[]>();
  for (const element of await elementsOf(netfilter, table, set)) {
    const address = element.key.readUInt32BE();
    const elements = found.get(address);
    if (elements === undefined) found.set(address, [element]);
    else elements.push(element);
  }
  return found;
}

/** Of a list of 30 to 100 elements each; others have their turns between so many. */
const messagesAtATime = 8;

async function elementsOf(netfilter: Netfilter, table: string, set: string): Promise<Element[]> {
  const lists = await dump((request) => netfilter.exchange(request), dumpElements(Family.inet, table, set));
  const found: Element[] = [];
  for (const [index, payload] of lists.entries()) {
    if (index % messagesAtATime === messagesAtATime - 1) await setImmediate();
    for (const { value } of attributes(find(payload.subarray(4), 3) ?? Buffer.alloc(0))) {
      const key = find(value, 1, 1);
      const keyEnd = find(value, 10, 1);
      const chain = find(value, 2, 2, 2)?.toString('latin1').replace(/\0.*/, '');
      if (key === undefined) continue;
      found.push({ key, ...(keyEnd === undefined ? {} : { keyEnd }), ...(chain === undefined ? {} : { chain }) });
    }
  }
  return found;
}
