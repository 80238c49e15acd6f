import { checkRules, NetworkError, type NetworkRules } from '@hatchery/network';
import { checkKeys } from './fields.ts';
import { invalid } from './invalid.ts';

/** Everything but the host, other sandboxes and link-local addresses, which no slot reaches. */
const open: NetworkRules = { allow: null, deny: [] };

/** The rules of a sandbox's slot, as plain data; null: it has none, but loopback alone. Throws ERR_SPEC_INVALID. */
export function compileNetwork(value: unknown): NetworkRules | null {
  if (value === 'none') return null;
  if (value === 'slot') return open;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('network', value, "'none', 'slot' or an object with allow, deny or both");
  return compileNetworkRules('network', value);
}

/** @param option what the rules were given as */
export function compileNetworkRules(option: string, value: unknown): NetworkRules {
  if (value === undefined || value === null) throw invalid(option, value, 'an object with allow, deny or both');
  checkKeys(option, value, ['allow', 'deny']);
  const { allow = null, deny = [] } = value as { allow?: unknown; deny?: unknown };
  const rules = {
    allow: allow === null ? null : checkList(`${option}.allow`, allow),
    deny: checkList(`${option}.deny`, deny),
  };
  try {
    checkRules(rules);
  } catch (error) {
    if (error instanceof NetworkError) throw invalid(option, value, `rules that hold: ${error.message}`);
    throw error;
  }
  return rules;
}

/** Whether a record holds what `compileNetwork` makes. */
export function isCompiledNetwork(value: unknown): value is NetworkRules | null {
  if (value === null) return true;
  const { allow, deny } = (value ?? {}) as Partial<NetworkRules>;
  if ((allow !== null && !Array.isArray(allow)) || !Array.isArray(deny)) return false;
  try {
    checkRules({ allow, deny });
    return true;
  } catch {
    return false;
  }
}

/** A copy, so that later changes by the caller do nothing. */
function checkList(option: string, value: unknown): string[] {
  if (!Array.isArray(value)) throw invalid(option, value, 'a list of IPv4 addresses and CIDRs');
  return Array.from(value, String);
}
