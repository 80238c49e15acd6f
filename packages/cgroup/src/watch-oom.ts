import { CgroupError } from './cgroup-error.ts';
import type { StatFiles } from './cgroup-stats.ts';
import { isGone } from './cgroup-tree.ts';
import type { ControllerPlace } from './limit-files.ts';
import * as v1 from './oom-events-v1.ts';
import * as v2 from './oom-events-v2.ts';

/** The OOM killer has ended processes of a group. */
export interface OomEvent {
  /** How many since the last event, or since the watch began. */
  readonly kills: number;
  /** How many since the group was made. */
  readonly total: number;
}

/** How a watch tells that it is at its end. */
export interface OomWatchOptions {
  /** Told, once, that the count cannot be read any more; the watch has ended then. Without it the error is thrown. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Calls `handler` for every kill from now on, told by the kernel. It does not keep the process alive. Dispose of it: only v1
 * tells of a removal, and lets it end by itself.
 *
 * @throws CgroupError ERR_CGROUP_UNSUPPORTED where no memory controller counts kills; ERR_CGROUP_GONE.
 */
export function watchOom(
  memory: ControllerPlace,
  files: StatFiles,
  name: string,
  handler: (event: OomEvent) => void,
  { onError }: OomWatchOptions,
): Disposable {
  if (!('base' in memory)) throw unsupported(name, memory.unavailable);
  let seen = 0;
  const check = (): void => {
    const total = readTotal(files, name, onError);
    if (total === null) return watch[Symbol.dispose]();
    if (total <= seen) return;
    const kills = total - seen;
    seen = total;
    handler({ kills, total });
  };
  const watch = start(memory, name, check);
  try {
    // After the watch has begun, so that nothing falls in between: what is counted here is not told.
    const total = files.oomKills(name);
    if (total === undefined) throw unsupported(name, 'this kernel does not count the kills');
    seen = total;
    return watch;
  } catch (error) {
    watch[Symbol.dispose]();
    throw error;
  }
}

function start(
  memory: Extract<ControllerPlace, { readonly version: 1 | 2 }>,
  name: string,
  check: () => void,
): Disposable {
  try {
    const events = memory.version === 1 ? v1 : v2;
    return events.onOom(memory.base, name, check);
  } catch (error) {
    // A kernel built for real time has the v1 controller without its events.
    if (!(error instanceof CgroupError && isGone(error) && memory.base.has(`${name}/cgroup.procs`))) throw error;
    throw unsupported(name, `this kernel has no event for it (${error.message})`);
  }
}

/** null: there is nothing more to tell. */
function readTotal(files: StatFiles, name: string, onError: OomWatchOptions['onError']): number | null {
  try {
    // The file is gone with its group.
    return files.oomKills(name) ?? null;
  } catch (error) {
    if (isGone(error)) return null;
    if (onError === undefined) throw error;
    onError(error);
    return null;
  }
}

function unsupported(name: string, reason: string): CgroupError {
  return new CgroupError({
    code: 'ERR_CGROUP_UNSUPPORTED',
    step: 'watch for OOM kills',
    controllers: ['memory'],
    text: `watch "${name}" for OOM kills: ${reason}. Enable the memory controller, or do without`,
  });
}
