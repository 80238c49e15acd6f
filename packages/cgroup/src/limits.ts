import { CgroupError } from './cgroup-error.ts';

/** What a cgroup may use. What is left out stays as it is. */
export interface CgroupLimits {
  /** Bytes of memory, at least 4 MiB, rounded down to a page by the kernel. Swap is set to none where the kernel accounts it. */
  readonly memoryBytes?: number;
  /**
   * CPUs' worth of time: more than 0, fractions allowed, at most 8192. Written as a quota in microseconds for
   * each period of 100 ms, rounded to the nearest; below 0.01 it is raised to 0.01 (the kernel's shortest quota is 1 ms).
   * More than the machine has is legal and never bites.
   */
  readonly cpus?: number;
  /** Processes and threads at once: 1 to 4,194,304. */
  readonly pids?: number;
}

/** What is written to the kernel. */
export interface CompiledLimits {
  readonly memory: number | undefined;
  readonly cpu: number | undefined;
  readonly pids: number | undefined;
}

/** Below this the kernel's per-CPU charge batches (64 pages each) and one process's page tables leave no room. */
export const minimumMemoryBytes: number = 4 * 1024 * 1024;

/** The period that a new cgroup has in v1 and in v2, so v1 needs no write for it. */
export const cpuPeriodUs: number = 100_000;

const minimumQuotaUs = 1000;
/** The largest number of CPUs any Linux can be configured for. */
const maximumCpus = 8192;
/** PID_MAX_LIMIT of 64-bit kernels; pids.max refuses more. */
const maximumPids = 4_194_304;

/** @throws CgroupError ERR_LIMIT_INVALID that quotes the value. */
export function compileLimits(limits: CgroupLimits): CompiledLimits {
  const { memoryBytes, cpus, pids } = limits;
  if (memoryBytes !== undefined && !(Number.isSafeInteger(memoryBytes) && memoryBytes >= minimumMemoryBytes)) {
    throw invalid('memoryBytes', memoryBytes, `a whole number of at least ${minimumMemoryBytes} (4 MiB)`);
  }
  if (cpus !== undefined && !(typeof cpus === 'number' && cpus > 0 && cpus <= maximumCpus)) {
    throw invalid('cpus', cpus, `a number above 0 and at most ${maximumCpus}`);
  }
  if (pids !== undefined && !(Number.isSafeInteger(pids) && pids >= 1 && pids <= maximumPids)) {
    throw invalid('pids', pids, `a whole number from 1 to ${maximumPids}`);
  }
  return {
    memory: memoryBytes,
    cpu: cpus === undefined ? undefined : Math.max(minimumQuotaUs, Math.round(cpus * cpuPeriodUs)),
    pids,
  };
}

function invalid(name: string, value: unknown, wanted: string): CgroupError {
  // JSON would turn NaN and Infinity into null.
  const quoted = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return new CgroupError({
    code: 'ERR_LIMIT_INVALID',
    step: `check limits.${name}`,
    text: `limits.${name} is ${quoted}; it must be ${wanted}`,
  });
}
