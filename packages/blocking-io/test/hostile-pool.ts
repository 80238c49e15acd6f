import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adoptFd, closeFd } from '@hatchery/linux';
import { onTestFinished } from 'vitest';
import type { PoolOptions } from '../src/pool-options.ts';
import { WorkerPool } from '../src/worker-pool.ts';
import type { HostileHolders, HostileJobs } from './workers/hostile.ts';

export interface LogLine {
  readonly level: 'info' | 'error';
  readonly context: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export interface HostilePool extends WorkerPool<HostileJobs, HostileHolders> {
  readonly log: LogLine[];
}

/** A pool whose jobs hang, die and throw, one of them urgent where that is asked for; closed when the test is over. */
export function hostilePool(options: PoolOptions = {}, urgent: keyof HostileJobs | null = null): HostilePool {
  const log: LogLine[] = [];
  const write =
    (level: LogLine['level']) =>
    (context: object, message = ''): void =>
      void log.push({ level, context: context as LogLine['context'], message });
  const logger = { info: write('info'), error: write('error') };
  const script = new URL('workers/hostile.ts', import.meta.url);
  const pool = new WorkerPool<HostileJobs, HostileHolders>(
    script,
    { minThreads: 0, logger, ...options },
    {
      lend: { receive: ({ fd }) => void adoptFd(fd), discard: ({ fd }) => closeFd(fd) },
      ...(urgent === null ? {} : { [urgent]: { urgent: true } }),
    },
  );
  onTestFinished(() => pool.close());
  return Object.assign(pool, { log });
}

export interface Fifo {
  readonly path: string;
  /** Lets everybody go who waits in its open. */
  open(): void;
}

export function makeFifo(): Fifo {
  const directory = mkdtempSync(join(tmpdir(), 'hatchery-fifo-'));
  const path = join(directory, 'fifo');
  execFileSync('mkfifo', [path]);
  let held: number | null = null;
  const open = (): void => {
    held ??= openSync(path, constants.O_RDWR);
  };
  onTestFinished(() => {
    open();
    if (held !== null) closeSync(held);
    rmSync(directory, { recursive: true });
  });
  return { path, open };
}

/** Resolves once `condition` holds, asked after each turn of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Two words: the gate, and how many have come to it. */
export interface Gate {
  readonly gate: Int32Array<SharedArrayBuffer>;
  readonly open: () => void;
  readonly arrived: (count: number) => Promise<void>;
}

export function makeGate(): Gate {
  const gate = new Int32Array(new SharedArrayBuffer(8));
  return {
    gate,
    open: () => {
      Atomics.store(gate, 0, 1);
      Atomics.notify(gate, 0);
    },
    arrived: (count) => until(() => Atomics.load(gate, 1) >= count),
  };
}
