import type { CgroupDirectory } from './cgroup-directory.ts';
import { CgroupError } from './cgroup-error.ts';

/** Whether the memory controller counts swap. Found once, on the base, which has the same files as its children. */
export function accountsSwap(base: CgroupDirectory): boolean {
  return base.has('memory.memsw.limit_in_bytes');
}

/** memory.memsw counts memory and swap together, so the same value for both means no swap. */
export function setMemory(base: CgroupDirectory, name: string, bytes: number, swapAccounted: boolean): void {
  const limit = `${name}/memory.limit_in_bytes`;
  const withSwap = `${name}/memory.memsw.limit_in_bytes`;
  const text = String(bytes);
  if (!swapAccounted) return base.write(limit, text);
  try {
    base.write(limit, text);
    base.write(withSwap, text);
  } catch (error) {
    // The kernel keeps memory <= memory + swap at every moment: raising an existing limit needs the other order.
    if (!(error instanceof CgroupError) || error.errno !== 'EINVAL') throw error;
    base.write(withSwap, text);
    base.write(limit, text);
  }
}

/** The period of a new cgroup is 100 ms already: one write. */
export function setCpu(base: CgroupDirectory, name: string, quotaUs: number): void {
  base.write(`${name}/cpu.cfs_quota_us`, String(quotaUs));
}

export function setPids(base: CgroupDirectory, name: string, count: number): void {
  base.write(`${name}/pids.max`, String(count));
}
