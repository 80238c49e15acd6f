import { CliError } from '../cli-error.ts';
import { type ClientFlags, openClient } from '../client/open-client.ts';
import type { SandboxView } from '../wire/views.ts';
import { forEach } from './for-each.ts';

export interface RmFlags extends ClientFlags {
  force?: boolean;
  all?: boolean;
}

/** Ends sandboxes with everything in them, whatever their state. With -f one that is not there is fine. */
export async function rm(named: readonly string[], flags: RmFlags): Promise<number> {
  const client = openClient(flags);
  if (named.length === 0 && flags.all !== true && flags.force !== true)
    throw new CliError('ERR_USAGE', 'rm: no sandbox; name some, or write --all');
  const { sandboxes } =
    flags.all === true ? await client.call<{ sandboxes: SandboxView[] }>('GET', '/v1/sandboxes') : { sandboxes: [] };
  const ids = new Set([...named, ...sandboxes.map(({ id }) => id)]);
  return await forEach([...ids], async (id) => {
    try {
      await client.call('DELETE', `/v1/sandboxes/${encodeURIComponent(id)}`);
      return true;
    } catch (error) {
      const isGone = error instanceof Error && 'code' in error && error.code === 'ERR_SANDBOX_NOT_FOUND';
      // One of --all may have ended meanwhile.
      if (!isGone || (flags.force !== true && named.includes(id))) throw error;
      return false;
    }
  });
}
