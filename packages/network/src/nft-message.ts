import {
  attribute,
  message,
  NLM_F_ACK,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_DUMP,
  nest,
  number32,
  text,
} from './netlink-message.ts';
import { goToData } from './nft-expression.ts';

/** Requests of nf_tables; numbered and put between the marks of one transaction by `batch`. */
export type Request = (sequence: number, flags: number) => Buffer;

export const Family = { inet: 1, ipv4: 2, arp: 3 } as const;
const NFNL_SUBSYS_NFTABLES = 10;
const NLM_F_EXCL = 0x200;
const NFT_DATA_VERDICT = 0xffff_ff00;

export interface SetShape {
  readonly name: string;
  /** Bytes of each part of the key. */
  readonly key: readonly number[];
  /** What nft(8) shows the parts as. */
  readonly keyType: number;
  readonly intervals: boolean;
  /** Elements name a chain. */
  readonly chains: boolean;
}

function request(kind: number, family: number, flags: number, ...payload: Buffer[]): Request {
  const type = (NFNL_SUBSYS_NFTABLES << 8) | kind;
  return (sequence, more) => message(type, flags | more, sequence, Buffer.from([family, 0, 0, 0]), ...payload);
}

/** One transaction: all of it takes effect at once, or nothing. */
export function batch(requests: readonly Request[]): Buffer {
  const mark = Buffer.from([0, 0, 0, NFNL_SUBSYS_NFTABLES]);
  const parts = requests.map((make, index) => make(index + 1, index === requests.length - 1 ? NLM_F_ACK : 0));
  return Buffer.concat([message(16, 0, 0, mark), ...parts, message(17, 0, 0, mark)]);
}

export function newTable(family: number, table: string): Request {
  return request(0, family, NLM_F_CREATE, text(1, table));
}

export function deleteTable(family: number, table: string): Request {
  return request(2, family, 0, text(1, table));
}

export interface Hook {
  readonly type: 'filter' | 'nat';
  readonly number: number;
  readonly priority: number;
}

export function newChain(family: number, table: string, name: string, hook: Hook | null): Request {
  const base = hook === null ? [] : [nest(4, number32(1, hook.number), number32(2, hook.priority)), text(7, hook.type)];
  return request(3, family, NLM_F_CREATE, text(1, table), text(3, name), ...base);
}

export function newRule(family: number, table: string, chain: string, ...expressions: Buffer[]): Request {
  return request(6, family, NLM_F_CREATE | NLM_F_APPEND, text(1, table), text(2, chain), nest(4, ...expressions));
}

/** Of all its chains; elements of sets stay. */
export function deleteRules(family: number, table: string): Request {
  return request(8, family, 0, text(1, table));
}

/** Which generation of rules the kernel is at: one message before the acknowledgement. */
export function getGeneration(): Buffer {
  return request(16, 0, NLM_F_ACK)(1, 0);
}

export function dumpRules(family: number, table: string): Buffer {
  return request(7, family, NLM_F_DUMP, text(1, table))(1, 0);
}

export function newSet(family: number, table: string, set: SetShape, id: number): Request {
  const flags = (set.intervals ? 0x84 : 0) | (set.chains ? 8 : 0);
  const length = set.key.reduce((sum, bytes) => sum + bytes, 0);
  const parts = set.key.map((bytes) => nest(1, number32(1, bytes)));
  return request(
    9,
    family,
    NLM_F_CREATE,
    text(1, table),
    text(2, set.name),
    number32(3, flags),
    number32(4, set.keyType),
    number32(5, length),
    ...(set.chains ? [number32(6, NFT_DATA_VERDICT)] : []),
    ...(set.intervals ? [nest(9, nest(2, ...parts))] : []),
    number32(10, id),
  );
}

export interface Element {
  readonly key: Buffer;
  readonly keyEnd?: Buffer;
  /** Of a map: the chain. */
  readonly chain?: string;
}

/** So that a list's length fits its attribute. */
const elementsInMessage = 500;

function elementRequests(
  kind: number,
  flags: number,
  family: number,
  table: string,
  set: string,
  elements: readonly Element[],
): Request[] {
  const requests: Request[] = [];
  for (let at = 0; at < elements.length; at += elementsInMessage) {
    const items = elements
      .slice(at, at + elementsInMessage)
      .map(({ key, keyEnd, chain }) =>
        nest(
          1,
          nest(1, attribute(1, key)),
          ...(chain === undefined ? [] : [nest(2, goToData(chain))]),
          ...(keyEnd === undefined ? [] : [nest(10, attribute(1, keyEnd))]),
        ),
      );
    requests.push(request(kind, family, flags, text(1, table), text(2, set), nest(3, ...items)));
  }
  return requests;
}

/** The transaction fails with EEXIST when one is there with other data. */
export function addElements(family: number, table: string, set: string, elements: readonly Element[]): Request[] {
  return elementRequests(12, NLM_F_CREATE | NLM_F_EXCL, family, table, set, elements);
}

/** The transaction fails with ENOENT when one is not there. */
export function deleteElements(family: number, table: string, set: string, elements: readonly Element[]): Request[] {
  return elementRequests(14, 0, family, table, set, elements);
}

export function dumpElements(family: number, table: string, set: string): Buffer {
  return request(13, family, NLM_F_DUMP, text(1, table), text(2, set))(1, 0);
}
