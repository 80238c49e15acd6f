import { isIPv4 } from 'node:net';
import { isRange } from '../../hosted/address-range.ts';
import { ControlError } from '../../serve/control-error.ts';
import type { NetworkWish } from '../hosted/hosted-details.ts';
import { everything } from '../hosted/slot-rules.ts';
import { notSupported } from './not-supported.ts';

/** What a create and an update say about the way out of a sandbox. */
export interface NetworkBody {
  allowOut?: string[] | null;
  denyOut?: string[] | null;
  rules?: Record<string, { transform?: { headers?: Record<string, string> } }[]> | null;
  egressProxy?: object | null;
}

const texts = { type: ['array', 'null'], items: { type: 'string', maxLength: 253 }, maxItems: 1000 };

export const networkProperties: Readonly<Record<keyof NetworkBody, object>> = {
  allowOut: texts,
  denyOut: texts,
  rules: { type: ['object', 'null'] },
  egressProxy: { type: ['object', 'null'] },
};

const maxRuleDomains = 10;
const maxRuleHeaders = 20;
const domainName = /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/i;

/** Throws 400 for what cannot be, 501 for what hatchery cannot do yet. */
export function readNetwork(network: NetworkBody, allowInternetAccess: boolean | null): NetworkWish {
  const allowOut = network.allowOut ?? [];
  const denyOut = network.denyOut ?? [];
  for (const entry of denyOut)
    if (!isRange(entry)) throw new ControlError(400, `denyOut: "${entry}" is neither an IP address nor a CIDR`);
  checkRules(network.rules ?? {});
  const domains = allowOut.filter((entry) => !isRange(entry));
  for (const domain of domains) {
    if (domain.includes('/') || !domainName.test(domain))
      throw new ControlError(400, `allowOut: "${domain}" is neither an IP address, nor a CIDR, nor a domain`);
  }
  if (domains.length > 0 && !denyOut.includes(everything) && allowInternetAccess !== false)
    throw new ControlError(400, `allowOut names domains: denyOut must block all other traffic with "${everything}"`);
  if (domains.length > 0) throw notSupported('network.allowOut by domain', 'give IP addresses and CIDRs');
  const foreign = allowOut.find((entry) => !isIPv4(entry.split('/')[0] ?? ''));
  if (foreign !== undefined) throw notSupported('network.allowOut with IPv6', 'sandboxes have IPv4 alone');
  if (Object.keys(network.rules ?? {}).length > 0)
    throw notSupported('network.rules', 'traffic is allowed and denied by IP address and CIDR only');
  if (network.egressProxy !== undefined && network.egressProxy !== null)
    throw notSupported('network.egressProxy', 'sandboxes reach the network directly');
  return { allowOut, denyOut, allowInternetAccess };
}

function checkRules(rules: NonNullable<NetworkBody['rules']>): void {
  const entries = Object.entries(rules);
  if (entries.length > maxRuleDomains)
    throw new ControlError(400, `network.rules: at most ${maxRuleDomains} domains can have rules`);
  for (const [domain, list] of entries) {
    const headers = Array.isArray(list) ? list.flatMap((rule) => Object.keys(rule?.transform?.headers ?? {})) : [];
    if (headers.length > maxRuleHeaders)
      throw new ControlError(400, `network.rules: "${domain.slice(0, 253)}" has more than ${maxRuleHeaders} headers`);
  }
}
