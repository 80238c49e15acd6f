import type { CgroupDirectory } from './cgroup-directory.ts';
import { CgroupError } from './cgroup-error.ts';
import { cpuPeriodUs } from './limits.ts';

/** Whether the memory controller counts swap. Found once, on the base, which has the same files as its children. */
export function accountsSwap(base: CgroupDirectory): boolean {
  return base.has('memory.swap.max');
}

export function setMemory(base: CgroupDirectory, name: string, bytes: number, swapAccounted: boolean): void {
  if (memoryNow(base, name) > bytes) lowerMemory(base, name, bytes);
  else base.write(`${name}/memory.max`, String(bytes));
  if (swapAccounted) base.write(`${name}/memory.swap.max`, '0');
}

export function setCpu(base: CgroupDirectory, name: string, quotaUs: number): void {
  base.write(`${name}/cpu.max`, `${quotaUs} ${cpuPeriodUs}`);
}

export function setPids(base: CgroupDirectory, name: string, count: number): void {
  base.write(`${name}/pids.max`, String(count));
}

/**
 * A memory.max below what is used makes the kernel kill until it fits, where v1 refuses it. memory.high makes it reclaim as much as
 * it can first, before the write returns, and kills nobody.
 */
function lowerMemory(base: CgroupDirectory, name: string, bytes: number): void {
  const high = `${name}/memory.high`;
  const before = base.read(high).trim();
  base.write(high, String(bytes));
  try {
    const now = memoryNow(base, name);
    if (now > bytes) throw stillUsed(base, name, bytes, now);
    base.write(`${name}/memory.max`, String(bytes));
  } finally {
    base.write(high, before);
  }
}

function memoryNow(base: CgroupDirectory, name: string): number {
  return Number(base.read(`${name}/memory.current`));
}

/** What v1 answers in the same case. */
function stillUsed(base: CgroupDirectory, name: string, bytes: number, now: number): CgroupError {
  return new CgroupError({
    code: 'ERR_CGROUP_IO',
    step: 'write memory.max',
    errno: 'EBUSY',
    text: `write "${base.path}/${name}/memory.max" ${bytes}: EBUSY, ${now} bytes are in use after reclaim`,
  });
}
