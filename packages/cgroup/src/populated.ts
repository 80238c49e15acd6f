import type { CgroupDirectory } from './cgroup-directory.ts';
import { CgroupError } from './cgroup-error.ts';
import { readState, type WaitOptions, waitForState } from './cgroup-events.ts';

/** Whether a process lives in `name` or below (`populated` of cgroup.events). */
export function isPopulated(base: CgroupDirectory, name: string): boolean {
  return readState(base, name, 'populated');
}

/**
 * Resolves when `name` and everything below is empty, told by the kernel.
 *
 * @throws CgroupError ERR_CGROUP_TIMEOUT; ERR_CGROUP_GONE when the cgroup is not there; the signal's reason.
 */
export async function waitUnpopulated(base: CgroupDirectory, name: string, options: WaitOptions): Promise<void> {
  const timedOut = (): CgroupError =>
    new CgroupError({
      code: 'ERR_CGROUP_TIMEOUT',
      step: 'wait for populated 0',
      text: `"${base.path}/${name}" still has processes after ${options.timeoutMs} ms. Kill it first, or wait longer`,
    });
  await waitForState(base, name, { state: 'populated', value: false, timedOut }, options);
}
