import { type ClientFlags, openClient } from '../client/open-client.ts';
import { forEach } from './for-each.ts';

/** Pauses, resumes, stops or starts sandboxes, and prints the ids of those for which it is done. */
export async function changeState(
  change: 'pause' | 'resume' | 'stop' | 'start',
  ids: readonly string[],
  flags: ClientFlags,
): Promise<number> {
  const client = openClient(flags);
  return await forEach(ids, async (id) => {
    await client.call('POST', `/v1/sandboxes/${encodeURIComponent(id)}/${change}`);
    return true;
  });
}
