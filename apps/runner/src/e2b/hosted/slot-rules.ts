import { isIPv4 } from 'node:net';
import type { NetworkWish } from './hosted-details.ts';

export const everything = '0.0.0.0/0';
const end = 2 ** 32;

/** The rules of a runtime's sandbox. */
export interface SlotRules {
  /** Given: these ranges and no others. */
  allow?: string[];
  deny?: string[];
}

/** From the first address to the one before `end`. */
type Range = readonly [first: number, end: number];

/**
 * E2B denies what is in `denyOut` unless it is in `allowOut`, and allows the rest. A slot has either a list of what it may
 * reach or one of what it may not: exceptions are cut out of the second. IPv6 is off in a slot, which denies all of it.
 */
export function slotRules({ allowOut, denyOut, allowInternetAccess }: NetworkWish): SlotRules {
  const denied = (allowInternetAccess === false ? [...denyOut, everything] : denyOut).filter((entry) =>
    isIPv4(entry.split('/')[0] ?? ''),
  );
  const ranges = merge(denied.map(rangeOf));
  const [first] = ranges;
  if (first !== undefined && first[0] === 0 && first[1] === end) return { allow: [...allowOut] };
  const rest = subtract(ranges, merge(allowOut.map(rangeOf)));
  return { deny: rest.flatMap(cidrsOf) };
}

function rangeOf(entry: string): Range {
  const [address = '', bits = '32'] = entry.split('/');
  const number = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(bits));
  const first = Math.floor(number / size) * size;
  return [first, first + size];
}

/** In order, none touching another. */
function merge(ranges: readonly Range[]): Range[] {
  const merged: [number, number][] = [];
  for (const [first, last] of ranges.toSorted((one, other) => one[0] - other[0])) {
    const before = merged.at(-1);
    if (before !== undefined && first <= before[1]) before[1] = Math.max(before[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

/** What of `ranges` is in none of `taken`; both merged. */
function subtract(ranges: readonly Range[], taken: readonly Range[]): Range[] {
  return ranges.flatMap(([first, last]) => {
    const left: Range[] = [];
    let from = first;
    for (const [takenFirst, takenEnd] of taken) {
      if (takenEnd <= from || takenFirst >= last) continue;
      if (takenFirst > from) left.push([from, takenFirst]);
      from = Math.max(from, takenEnd);
    }
    if (from < last) left.push([from, last]);
    return left;
  });
}

/** The fewest CIDRs that are the range. */
function cidrsOf([first, last]: Range): string[] {
  const cidrs: string[] = [];
  for (let from = first; from < last; ) {
    let bits = 0;
    while (bits < 32 && from % 2 ** (bits + 1) === 0 && from + 2 ** (bits + 1) <= last) bits += 1;
    const parts = [from / 2 ** 24, from / 2 ** 16, from / 2 ** 8, from].map((part) => Math.floor(part) % 256);
    cidrs.push(bits === 0 ? parts.join('.') : `${parts.join('.')}/${32 - bits}`);
    from += 2 ** bits;
  }
  return cidrs;
}
