import { adoptFd, closeFd } from '@hatchery/linux';
import { monotonicMs } from '../monotonic.ts';

/** Closes them one after the other; how long that took, in milliseconds, so that whoever sends the next can rest as long. */
export function closeDescriptors({ fds }: { readonly fds: readonly number[] }): number {
  const startedMs = monotonicMs();
  for (const fd of fds) closeFd(adoptFd(fd));
  return monotonicMs() - startedMs;
}
