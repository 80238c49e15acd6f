import { attribute, big32, nest, number32, text } from './netlink-message.ts';

/** Expressions of nf_tables rules as bytes (linux/netfilter/nf_tables.h). Registers count 4 bytes each, from 8. */
export const register = 8;

export const MetaKey = { iifname: 6, oifname: 7, nfproto: 15, l4proto: 16 } as const;
export const CtKey = { state: 0, direction: 1, sourceIp: 19, destinationIp: 20 } as const;
const NF_ACCEPT = 1;
const NF_DROP = 0;
const NFT_GOTO = -4;

function expression(name: string, ...inner: Buffer[]): Buffer {
  return nest(1, text(1, name), nest(2, ...inner));
}

export function meta(key: number, into: number = register): Buffer {
  return expression('meta', number32(2, key), number32(1, into));
}

export function equals(bytes: Uint8Array, from: number = register): Buffer {
  return expression('cmp', number32(1, from), number32(2, 0), nest(3, attribute(1, bytes)));
}

export function differs(bytes: Uint8Array, from: number = register): Buffer {
  return expression('cmp', number32(1, from), number32(2, 1), nest(3, attribute(1, bytes)));
}

/** Bytes of the network header: IPv4's, or the ARP packet. */
export function header(offset: number, length: number, into: number = register): Buffer {
  return expression('payload', number32(1, into), number32(2, 1), number32(3, offset), number32(4, length));
}

/** `direction` 0: of the connection as it began, before any translation. */
export function connection(key: number, into: number = register, direction: number | null = null): Buffer {
  const which = direction === null ? [] : [attribute(3, Buffer.from([direction]))];
  return expression('ct', number32(1, into), number32(2, key), ...which);
}

/** RTN_UNICAST and its like for the packet's destination, as a number of the machine. */
export function destinationType(into: number = register): Buffer {
  return expression('fib', number32(1, into), number32(2, 3), number32(3, 2));
}

/** As a number of the machine: not 0 if answers to the packet's source would leave by the interface that it came in by. */
export function isWayBack(into: number = register): Buffer {
  // FIB result OIF of SADDR (1), seen from IIF (8), as whether there is one (PRESENT, 32).
  return expression('fib', number32(1, into), number32(2, 1), number32(3, 1 | 8 | 32));
}

export function mask(bytes: Uint8Array, from: number = register, into: number = from): Buffer {
  const none = Buffer.alloc(bytes.length);
  return expression(
    'bitwise',
    number32(1, from),
    number32(2, into),
    number32(3, bytes.length),
    nest(4, attribute(1, bytes)),
    nest(5, attribute(1, none)),
  );
}

export function isIn(set: string, from: number = register): Buffer {
  return expression('lookup', text(1, set), number32(2, from));
}

export function isNotIn(set: string, from: number = register): Buffer {
  return expression('lookup', text(1, set), number32(2, from), number32(5, 1));
}

/** Where a map says so, the packet goes to the chain that it names; else on to the next rule. */
export function goByMap(map: string, from: number = register): Buffer {
  return expression('lookup', text(1, map), number32(2, from), number32(3, 0));
}

/** What an element of such a map holds. */
export function goToData(chain: string): Buffer {
  return nest(2, number32(1, NFT_GOTO), text(2, chain));
}

function verdict(code: number, chain?: string): Buffer {
  const target = chain === undefined ? [] : [text(2, chain)];
  return expression('immediate', number32(1, 0), nest(2, nest(2, attribute(1, big32(code)), ...target)));
}

export const accept: Buffer = verdict(NF_ACCEPT);
export const drop: Buffer = verdict(NF_DROP);
export const masquerade: Buffer = expression('masq');
/** Works in all hooks before routing since 5.9. */
export const resetTcp: Buffer = expression('reject', number32(1, 1), attribute(2, Buffer.from([0])));
export const rejectProhibited: Buffer = expression('reject', number32(1, 2), attribute(2, Buffer.from([3])));

export function goTo(chain: string): Buffer {
  return verdict(NFT_GOTO, chain);
}
