import type { SandboxSpec } from '@hatchery/runtime';
import { CliError } from '../cli-error.ts';

/**
 * `none`, `slot`, or rules: `allow=` and `deny=`, each with addresses and CIDRs behind it, all separated by commas
 * (`allow=192.0.2.0/24,198.51.100.7`). What an address may be the runtime judges.
 */
export function parseNetwork(text: string): NonNullable<SandboxSpec['network']> {
  if (text === 'none' || text === 'slot') return text;
  const rules: { allow?: string[]; deny?: string[] } = {};
  let list: string[] | null = null;
  for (const part of text.split(',')) {
    const [, name, first] = /^(allow|deny)=(.*)$/.exec(part) ?? [];
    if (name === 'allow' || name === 'deny') list = rules[name] ??= [];
    else if (list === null) throw refused(text);
    const address = first ?? part;
    // `allow=` alone: nothing.
    if (address !== '') list.push(address);
    else if (name === undefined) throw refused(text);
  }
  return rules;
}

function refused(text: string): CliError {
  return new CliError(
    'ERR_SPEC_INVALID',
    `--network: "${text}" is not none, slot, or allow=CIDR,… and deny=CIDR,… such as allow=192.0.2.0/24,198.51.100.7`,
  );
}
