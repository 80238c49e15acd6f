import { type AddressRange, isWithin, mergeRanges, parseRange } from './address.ts';
import { NetworkError } from './network-error.ts';

/**
 * What a slot may reach, on every protocol, beside what no slot ever reaches (the host, other slots, link-local).
 * `allow` given, also when it is empty: these addresses and no others. `allow` null: everything but `deny`. An address
 * in both is allowed. Entries are IPv4 addresses and CIDRs; IPv6 is off in a slot, so an IPv6 `deny` holds anyway and an
 * IPv6 `allow` is refused.
 */
export interface NetworkRules {
  /** These and no others; null: everything but `deny`. */
  readonly allow: readonly string[] | null;
  /** Refused, unless `allow` has it, too. */
  readonly deny: readonly string[];
}

export interface CompiledRules {
  /** All that is not in `allow` is refused. */
  readonly closed: boolean;
  readonly allow: readonly AddressRange[];
  readonly deny: readonly AddressRange[];
}

/** Entries of one list. */
const mostEntries = 1000;

/** Throws `NetworkError` ERR_NETWORK_RULES, quoting the entry, when the rules are none that a slot can keep. */
export function checkRules(rules: NetworkRules): void {
  compileRules(rules);
}

export function compileRules({ allow, deny }: NetworkRules): CompiledRules {
  const closed = allow !== null;
  return { closed, allow: compileList('allow', allow ?? []), deny: closed ? [] : compileList('deny', deny) };
}

export function permits(rules: CompiledRules, address: number): boolean {
  if (isWithin(rules.allow, address)) return true;
  return !rules.closed && !isWithin(rules.deny, address);
}

function compileList(name: 'allow' | 'deny', entries: readonly string[]): AddressRange[] {
  if (!Array.isArray(entries) || entries.length > mostEntries) {
    throw refused(`${name} must be a list of at most ${mostEntries} addresses and CIDRs`);
  }
  const ranges: AddressRange[] = [];
  for (const entry of entries as readonly unknown[]) {
    const range = typeof entry === 'string' ? parseRange(entry) : null;
    if (range === null) {
      throw refused(
        `${name} has ${JSON.stringify(entry)}, which is no IPv4 address or CIDR (without host bits); correct it`,
      );
    }
    if (range !== 'ipv6') ranges.push(range);
    else if (name === 'allow')
      throw refused(`allow has ${JSON.stringify(entry)}, and IPv6 is off in a slot; leave it out`);
  }
  return mergeRanges(ranges);
}

function refused(text: string): NetworkError {
  return new NetworkError('ERR_NETWORK_RULES', 'check rules', text);
}
