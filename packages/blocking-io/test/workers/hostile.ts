// Run as a pool's worker: jobs and handles that do what none of the real ones should.
import { closeSync, openSync } from 'node:fs';
import { currentDirectory, LinuxError, OpenFlag, openat2, releaseFd } from '@hatchery/linux';
import type { Holder } from '../../src/tables.ts';
import { serve, type WorkerReply, type WorkerTask } from '../../src/worker/serve.ts';

class OwnError extends Error {
  override readonly name = 'OwnError';
  readonly code = 'ERR_OWN';
  readonly step = 'third';
}

/** Waits in open(2) until somebody opens the other end: no signal and no terminate() gets through. */
function openFifo({ path }: { readonly path: string }): string {
  closeSync(openSync(path, 'r'));
  return 'opened';
}

/** Work that ends, unlike a call that hangs. */
function busy(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}

function fail(kind: string): never {
  if (kind === 'linux') throw new LinuxError('umount2', 16, '"/mnt/a", 2');
  if (kind === 'type') throw new TypeError('wrong type');
  if (kind === 'own') throw new OwnError('own message', { cause: new LinuxError('rmdir', 39, '"x"') });
  if (kind === 'aggregate') throw new AggregateError([new RangeError('a'), 7], 'two');
  if (kind === 'circle') {
    const error = new Error('circle');
    error.cause = error;
    throw error;
  }
  if (kind === 'uncloneable') throw Object.assign(new Error('has a function'), { code: 'ERR_F', run: () => {} });
  openSync(kind, 'r');
  throw new Error('it opened');
}

const order: number[] = [];
const jobs = {
  openFifo,
  fail,
  echo: (value: unknown): unknown => value,
  exit: (status: number): never => process.exit(status),
  /** Dies of an error that no job throws. */
  crash: async (_none: null): Promise<void> => {
    setImmediate(() => {
      throw new Error('nobody catches this');
    });
    await new Promise(() => {});
  },
  spin: (_none: null): never => {
    for (;;);
  },
  /** A descriptor that the main thread is to own, once the gate is open. */
  lend: ({ gate }: { readonly gate: Int32Array }): { readonly fd: number } => {
    Atomics.add(gate, 1, 1);
    Atomics.wait(gate, 0, 0);
    return { fd: releaseFd(openat2(currentDirectory, '/dev/null', { flags: OpenFlag.O_RDONLY })) };
  },
  /** Blocks until the main thread opens the gate; the order of the calls of this thread is its answer. */
  pass: ({ gate, id }: { readonly gate: Int32Array; readonly id: number }): readonly number[] => {
    order.push(id);
    Atomics.add(gate, 1, 1);
    Atomics.notify(gate, 1);
    Atomics.wait(gate, 0, 0);
    return order;
  },
};

interface HostileHolder extends Holder {
  readonly methods: {
    readonly echo: (value: unknown) => unknown;
    readonly fail: (kind: string) => never;
    readonly openFifo: (at: { readonly path: string }) => string;
    readonly pass: (at: { readonly gate: Int32Array; readonly id: number }) => readonly number[];
    readonly busy: (ms: number) => void;
    readonly exit: (status: number) => never;
  };
}

const closed: string[] = [];
const holders = {
  thing: (name: string): HostileHolder => ({
    methods: { echo: jobs.echo, fail, openFifo, pass: jobs.pass, busy, exit: jobs.exit },
    close() {
      closed.push(name);
      if (name === 'unclosable') throw new Error('it stays open');
    },
  }),
  /** What was closed in this thread. */
  closed: (_none: null): Holder & { readonly methods: { readonly names: (none: null) => readonly string[] } } => ({
    methods: { names: () => closed },
    close() {},
  }),
  refused: (kind: string): Holder => fail(kind),
};

export type HostileJobs = typeof jobs;
export type HostileHolders = typeof holders;
export const runTask: (task: WorkerTask) => Promise<WorkerReply> = serve(jobs, holders);
