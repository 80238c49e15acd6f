import type { CgroupDirectory } from './cgroup-directory.ts';
import { cpuPeriodUs } from './limits.ts';

/** Whether the memory controller counts swap. Found once, on the base, which has the same files as its children. */
export function accountsSwap(base: CgroupDirectory): boolean {
  return base.has('memory.swap.max');
}

export function setMemory(base: CgroupDirectory, name: string, bytes: number, swapAccounted: boolean): void {
  base.write(`${name}/memory.max`, String(bytes));
  if (swapAccounted) base.write(`${name}/memory.swap.max`, '0');
}

/** What the OOM killer ended in the group and below since it was made. */
export function readOomKills(base: CgroupDirectory, name: string): string {
  return base.read(`${name}/memory.events`);
}

export function setCpu(base: CgroupDirectory, name: string, quotaUs: number): void {
  base.write(`${name}/cpu.max`, `${quotaUs} ${cpuPeriodUs}`);
}

export function setPids(base: CgroupDirectory, name: string, count: number): void {
  base.write(`${name}/pids.max`, String(count));
}
