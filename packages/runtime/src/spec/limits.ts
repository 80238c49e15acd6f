import type { SandboxLimits } from '../types.ts';
import { checkBoolean, checkInteger, checkKeys } from './fields.ts';
import { invalid } from './invalid.ts';

/** Limits with nothing left open. */
export interface CompiledLimits {
  /** Of all processes, the root in memory and /dev/shm together. */
  readonly memoryBytes: number;
  /** Processor time a second, in seconds. */
  readonly cpus: number;
  /** Processes and threads. */
  readonly pids: number;
  /** What it may write into its root. */
  readonly rootBytes: number;
  /** Files and directories that it may make there. */
  readonly rootInodes: number;
  /** Of /dev/shm. */
  readonly shmBytes: number;
  /** What this host cannot enforce is left out, instead of refused. */
  readonly bestEffort: boolean;
}

const mebibyte = 1024 * 1024;
const minMemoryBytes = 16 * mebibyte;
const minRootBytes = mebibyte;
/** A filesystem with a journal has room for little else below. */
const minDiskBytes = 16 * mebibyte;
/** What ext4 with blocks of 4 KiB holds, less than the largest file on one. */
const maxDiskBytes = 8 * 1024 ** 4;
const maxShmBytes = 64 * mebibyte;
/** What init and a small program need beside the files. */
const processBytes = 8 * mebibyte;
/** CFS takes no quota below 1 ms a period of 100 ms (cgroup-v2, cpu.max). */
const minCpus = 0.01;
/** The largest NR_CPUS. */
const maxCpus = 8192;
/** Init, a shell and its pipeline. */
const minPids = 4;
/** PID_MAX_LIMIT of a 64-bit kernel. */
const maxPids = 4_194_304;

const known = ['memoryBytes', 'cpus', 'pids', 'rootBytes', 'bestEffort'];

/** @param root on disk it counts against the size of its image alone */
export function compileLimits(limits: SandboxLimits | undefined, root: 'memory' | 'disk'): CompiledLimits {
  checkKeys('limits', limits, known);
  const memoryBytes = checkInteger(
    'limits.memoryBytes',
    limits?.memoryBytes ?? 512 * mebibyte,
    minMemoryBytes,
    Number.MAX_SAFE_INTEGER,
  );
  const shmBytes = Math.min(maxShmBytes, Math.floor(memoryBytes / 8));
  const rootBytes =
    root === 'disk'
      ? checkInteger(
          'limits.rootBytes',
          limits?.rootBytes ?? Math.max(minDiskBytes, Math.floor(memoryBytes / 2)),
          minDiskBytes,
          maxDiskBytes,
        )
      : compileRootBytes(limits?.rootBytes, memoryBytes, shmBytes);
  return {
    memoryBytes,
    cpus: compileCpus(limits?.cpus ?? 1),
    pids: checkInteger('limits.pids', limits?.pids ?? 256, minPids, maxPids),
    rootBytes,
    rootInodes: Math.min(Math.max(Math.floor(rootBytes / 4096), 1024), mebibyte),
    shmBytes,
    bestEffort: checkBoolean('limits.bestEffort', limits?.bestEffort ?? false),
  };
}

function compileCpus(cpus: unknown): number {
  if (typeof cpus !== 'number' || !(cpus >= minCpus && cpus <= maxCpus)) {
    throw invalid('limits.cpus', cpus, `a number from ${minCpus} to ${maxCpus}`);
  }
  return cpus;
}

/** tmpfs pages stay charged after an OOM kill, so files that could fill the memory would end the sandbox for good. */
function compileRootBytes(rootBytes: unknown, memoryBytes: number, shmBytes: number): number {
  const most = memoryBytes - shmBytes - processBytes;
  if (rootBytes === undefined) return Math.min(Math.floor(memoryBytes / 2), most);
  const bytes = checkInteger('limits.rootBytes', rootBytes, minRootBytes, Number.MAX_SAFE_INTEGER);
  if (bytes <= most) return bytes;
  const rest = `memoryBytes ${memoryBytes} less ${shmBytes} for /dev/shm and ${processBytes} for processes`;
  throw invalid('limits.rootBytes', rootBytes, `at most ${most} (${rest}); raise memoryBytes or lower rootBytes`);
}
