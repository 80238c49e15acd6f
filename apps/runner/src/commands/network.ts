import { CliError } from '../cli-error.ts';
import { type ClientFlags, openClient } from '../client/open-client.ts';
import { parseNetwork } from '../run/parse-network.ts';
import { forEach } from './for-each.ts';

/** Replaces the network rules of sandboxes, and prints the ids of those for which they are in force. */
export async function changeNetwork(ids: readonly string[], flags: ClientFlags & { rules: string }): Promise<number> {
  const network = parseNetwork(flags.rules);
  if (network === 'none')
    throw new CliError('ERR_SPEC_INVALID', '--rules: "none" takes no slot away; give allow= to reach nothing');
  const body = network === 'slot' ? {} : network;
  const client = openClient(flags);
  return await forEach(ids, async (id) => {
    await client.call('PUT', `/v1/sandboxes/${encodeURIComponent(id)}/network`, { body });
    return true;
  });
}
