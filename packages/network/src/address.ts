import { isIPv4, isIPv6 } from 'node:net';

/** Addresses from `first` to `last`, both included, as numbers. */
export interface AddressRange {
  readonly first: number;
  readonly last: number;
}

/** Number of an IPv4 address that `isIPv4` accepts. */
export function addressNumber(text: string): number {
  return text.split('.').reduce((number, part) => number * 256 + Number(part), 0);
}

export function addressText(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.');
}

/** A range from an address or CIDR; 'ipv6' for one of IPv6; null for anything else, also a CIDR with host bits. */
export function parseRange(text: string): AddressRange | 'ipv6' | null {
  const [address = '', length, ...rest] = text.split('/');
  if (rest.length > 0 || (length !== undefined && !/^(0|[1-9]\d{0,2})$/.test(length))) return null;
  const bits = length === undefined ? null : Number(length);
  if (isIPv6(address)) return bits === null || bits <= 128 ? 'ipv6' : null;
  if (!isIPv4(address) || (bits ?? 32) > 32) return null;
  const first = addressNumber(address);
  const size = 2 ** (32 - (bits ?? 32));
  return first % size === 0 ? { first, last: first + size - 1 } : null;
}

/** The same addresses in ranges that neither overlap nor touch, ascending. */
export function mergeRanges(ranges: readonly AddressRange[]): AddressRange[] {
  const merged: AddressRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.first - b.first)) {
    const previous = merged.at(-1);
    if (previous === undefined || range.first > previous.last + 1) merged.push(range);
    else if (range.last > previous.last) merged[merged.length - 1] = { first: previous.first, last: range.last };
  }
  return merged;
}

export function isWithin(ranges: readonly AddressRange[], address: number): boolean {
  return ranges.some(({ first, last }) => first <= address && address <= last);
}
