import { type AddressRange, parseRange } from './address.ts';
import type { Names } from './names.ts';
import { big32, native32 } from './netlink-message.ts';
import * as expression from './nft-expression.ts';
import { CtKey, MetaKey, register } from './nft-expression.ts';
import {
  deleteRules,
  Family,
  newChain,
  newRule,
  newSet,
  newTable,
  type Request,
  type SetShape,
} from './nft-message.ts';

const IFNAME = 41;
const IPV4 = 7;

/** (host end, address): who may send from where. */
export const slotsSet: SetShape = {
  name: 'slots',
  key: [16, 4],
  keyType: (IFNAME << 6) | IPV4,
  intervals: false,
  chains: false,
};
/** Address to a chain: the one element that a change of rules switches. For packets from a slot, and for answers to it. */
export const verdictsMap: SetShape = { name: 'verdicts', key: [4], keyType: IPV4, intervals: false, chains: true };
export const answersMap: SetShape = { ...verdictsMap, name: 'answers' };

/** Each slot has two banks of ranges, one in force, one to be filled. */
export const banks = [0, 1] as const;
export type Bank = (typeof banks)[number];
/** (slot, destination). */
export function rangeSet(list: 'allow' | 'deny', bank: Bank): SetShape {
  return { name: `${list}-${bank}`, key: [4, 4], keyType: (IPV4 << 6) | IPV4, intervals: true, chains: false };
}
export const rangeSets: readonly SetShape[] = banks.flatMap((bank) => [
  rangeSet('allow', bank),
  rangeSet('deny', bank),
]);

/** `closed`: what is not in `allow` is refused. Answers have chains of their own: their destination is the slot. */
export function chainOf(kind: 'open' | 'closed', bank: Bank, answers: boolean): string {
  return `${answers ? 'answers-' : ''}${kind}-${bank}`;
}

/**
 * Not of the outside world, whatever the rules say: this network, loopback, link-local, multicast, reserved. Metadata with the
 * credentials of a machine is at 169.254.169.254 in most clouds, and at an address of its own in these: Alibaba, Azure
 * (whose resolver is there, too), Oracle (one of the addresses for protocols, RFC 6890).
 */
const clouds = ['100.100.100.200/32', '168.63.129.16/32', '192.0.0.0/24'];
const neverReached = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4', ...clouds];

const source = 12;
const destination = 16;
const arpSender = 14;

/**
 * The static rules, as one transaction that replaces those of an earlier runner and leaves the elements of the sets in
 * force. Every packet is looked at, none is let through because its connection once was: so a change of rules cuts.
 */
export function ruleset(names: Names, range: AddressRange & { prefix: number }, uplink: string | null): Request[] {
  const { inet, arp } = Family;
  const { table } = names;
  const ours = Buffer.from(names.interfacePrefix);
  const from = [expression.meta(MetaKey.iifname), expression.equals(ours)];
  const to = [expression.meta(MetaKey.oifname), expression.equals(ours)];
  const notFrom = [expression.meta(MetaKey.iifname), expression.differs(ours)];
  const fromRange = [
    ...ipv4,
    expression.header(source, 4),
    expression.mask(big32(0xffff_ffff << (32 - range.prefix))),
    expression.equals(big32(range.first)),
  ];
  const refuse = expression.goTo('refuse');
  const requests: Request[] = [newTable(inet, table), newTable(arp, table)];
  [slotsSet, verdictsMap, answersMap, ...rangeSets].forEach((set, index) =>
    requests.push(newSet(inet, table, set, index + 1)),
  );
  requests.push(newSet(arp, table, slotsSet, 99));
  requests.push(
    newChain(inet, table, 'refuse', null),
    ...banks.flatMap((bank) =>
      [false, true].flatMap((answers) => [
        newChain(inet, table, chainOf('open', bank, answers), null),
        newChain(inet, table, chainOf('closed', bank, answers), null),
      ]),
    ),
    newChain(inet, table, 'origin', { type: 'filter', number: 0, priority: -300 }),
    newChain(inet, table, 'outward', { type: 'filter', number: 0, priority: -150 }),
    newChain(inet, table, 'host', { type: 'filter', number: 1, priority: 0 }),
    newChain(inet, table, 'inward', { type: 'filter', number: 2, priority: 0 }),
    newChain(inet, table, 'leave', { type: 'nat', number: 4, priority: 100 }),
    newChain(arp, table, 'origin', { type: 'filter', number: 0, priority: 0 }),
    deleteRules(inet, table),
    deleteRules(arp, table),
  );
  const rule = (chain: string, ...expressions: Buffer[]) => requests.push(newRule(inet, table, chain, ...expressions));

  rule('refuse', expression.meta(MetaKey.l4proto), expression.equals(Buffer.from([6])), expression.resetTcp);
  rule('refuse', expression.rejectProhibited);

  for (const bank of banks) policyChains(rule, bank);

  // Before the tracking of connections, so that forged packets make none: what comes from elsewhere with a slot's address
  // would be tracked as the slot's, and the answers to it let in to the slot.
  rule('origin', ...fromRange, expression.isWayBack(), expression.equals(native32(0)), expression.drop);
  rule('origin', ...notFrom, expression.accept);
  rule('origin', expression.meta(MetaKey.nfproto), expression.differs(Buffer.from([2])), expression.drop);
  rule(
    'origin',
    ...ipv4,
    expression.meta(MetaKey.iifname),
    expression.header(source, 4, register + 4),
    expression.isNotIn('slots'),
    expression.drop,
  );

  // Before anybody's DNAT: a port that the host publishes is the host's, and the rules mean the address that was asked for.
  rule('outward', ...notFrom, expression.accept);
  rule('outward', expression.destinationType(), expression.differs(native32(1)), refuse);
  for (const [address, prefix] of [...neverReached.map(cidr), [range.first, range.prefix] as const]) {
    const bits = big32(prefix === 0 ? 0 : 0xffff_ffff << (32 - prefix));
    rule(
      'outward',
      ...ipv4,
      expression.header(destination, 4),
      expression.mask(bits),
      expression.equals(big32(address)),
      refuse,
    );
  }
  rule('outward', ...ipv4, expression.header(source, 4), expression.goByMap('verdicts'));
  // A slot without rules reaches nothing.
  rule('outward', refuse);

  // What reaches the host all the same, by a redirection of its own.
  rule('host', ...from, refuse);

  if (uplink !== null) {
    const name = Buffer.alloc(16);
    name.write(uplink);
    rule('inward', ...from, expression.meta(MetaKey.oifname), expression.differs(name), refuse);
  }
  rule('inward', ...from, ...to, refuse);
  rule('inward', expression.meta(MetaKey.oifname), expression.differs(ours), expression.accept);
  // Towards a slot: answers alone, and only as long as it may ask. 6: established or related.
  rule(
    'inward',
    expression.connection(CtKey.state),
    expression.mask(native32(6)),
    expression.equals(native32(0)),
    refuse,
  );
  rule('inward', expression.connection(CtKey.direction), expression.differs(Buffer.from([1])), refuse);
  rule('inward', expression.connection(CtKey.sourceIp, register, 0), expression.goByMap('answers'));
  rule('inward', refuse);

  rule('leave', ...fromRange, expression.meta(MetaKey.oifname), expression.differs(ours), expression.masquerade);

  requests.push(
    newRule(arp, table, 'origin', ...notFrom, expression.accept),
    newRule(
      arp,
      table,
      'origin',
      expression.meta(MetaKey.iifname),
      expression.header(arpSender, 4, register + 4),
      expression.isNotIn('slots'),
      expression.drop,
    ),
  );
  return requests;
}

/** Told again in each rule that reads an IPv4 header, so that nft lists it as such. */
const ipv4 = [expression.meta(MetaKey.nfproto), expression.equals(Buffer.from([2]))];

type Rule = (chain: string, ...expressions: Buffer[]) => void;

function policyChains(rule: Rule, bank: Bank): void {
  for (const answers of [false, true]) {
    const pair = answers
      ? [
          expression.connection(CtKey.sourceIp, register, 0),
          expression.connection(CtKey.destinationIp, register + 1, 0),
        ]
      : [...ipv4, expression.header(source, 4), expression.header(destination, 4, register + 1)];
    const closed = chainOf('closed', bank, answers);
    const open = chainOf('open', bank, answers);
    rule(closed, ...pair, expression.isIn(`allow-${bank}`), expression.accept);
    rule(closed, expression.goTo('refuse'));
    rule(open, ...pair, expression.isIn(`deny-${bank}`), expression.goTo('refuse'));
    rule(open, expression.accept);
  }
}

function cidr(text: string): readonly [address: number, prefix: number] {
  const range = parseRange(text) as AddressRange;
  return [range.first, 32 - Math.log2(range.last - range.first + 1)];
}
