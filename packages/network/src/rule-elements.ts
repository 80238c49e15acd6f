import type { AddressRange } from './address.ts';
import { big32 } from './netlink-message.ts';
import type { Element } from './nft-message.ts';

/** (host end, address). */
export function slotElement(name: string, address: number): Element {
  const key = Buffer.alloc(20);
  key.write(name, 'latin1');
  key.writeUInt32BE(address, 16);
  return { key };
}

/** (slot, destination). */
export function rangeElement(slot: number, { first, last }: AddressRange): Element {
  return { key: Buffer.concat([big32(slot), big32(first)]), keyEnd: Buffer.concat([big32(slot), big32(last)]) };
}
