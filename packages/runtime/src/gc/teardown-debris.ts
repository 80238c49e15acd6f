import type { RuntimeContext } from '../context.ts';
import { readRecord } from '../instance/record.ts';
import { formatHead } from '../instance/record-head.ts';
import { sandboxDirectory } from '../instance/sandbox-directory.ts';
import { headOfDebris } from '../open/sweep.ts';
import { teardown } from '../sandbox/teardown.ts';

/**
 * Removes all there is of an id that the collector has judged, with its lock held. Places are those of the id, whatever a
 * record says; its lease is left to the collector, because it may have passed to another sandbox since.
 */
export async function teardownDebris(context: RuntimeContext, id: string): Promise<void> {
  const { instance, cgroups, disks, workers, logger } = context;
  const record = readRecord(instance.directory, id);
  const places = headOfDebris(cgroups, id);
  const root = disks.ids().includes(id) ? disks.directoryOf(id) : null;
  const head = { ...(record ?? places), cgroups: places.cgroups, range: null, root };
  const directory = sandboxDirectory(instance.directory, id);
  const rest = { initPidfd: null, rootFd: null, dropRoot: null, lease: null, onDead: null };
  const { alive, pids } = await teardown(workers, { id, directory, head: formatHead(head), ...rest }, 'all');
  if (alive > 0) logger.warn({ sandboxId: id, alive, pids }, 'processes ended with debris');
}
