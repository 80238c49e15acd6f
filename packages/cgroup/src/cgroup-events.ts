import { closeSync, readSync } from 'node:fs';
import { watchPriority } from '@hatchery/linux';
import { type CgroupDirectory, translateFileError } from './cgroup-directory.ts';
import { CgroupError } from './cgroup-error.ts';

/** What `cgroup.events` tells of a v2 cgroup and everything below it. */
export type CgroupState = 'populated' | 'frozen';

/** How long to wait for the kernel's word. */
export interface WaitOptions {
  /** Milliseconds; Infinity waits for ever. */
  readonly timeoutMs: number;
  /** Ends the wait: the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The state that is waited for, and the error when it does not come in time. */
export interface AwaitedState {
  readonly state: CgroupState;
  readonly value: boolean;
  readonly timedOut: () => CgroupError;
}

export function readState(base: CgroupDirectory, name: string, state: CgroupState): boolean {
  return parseState(base.read(`${name}/cgroup.events`), state, `${base.path}/${name}`);
}

/**
 * Resolves when `name` has the awaited state, told by the kernel (POLLPRI on cgroup.events).
 *
 * The kernel tells at most every 10 ms per cgroup, so the second of two changes at once is seen up to 10 ms late, unless
 * the state is there already when this is called.
 */
export async function waitForState(
  base: CgroupDirectory,
  name: string,
  awaited: AwaitedState,
  options: WaitOptions,
): Promise<void> {
  const { timeoutMs, signal } = options;
  signal?.throwIfAborted();
  const path = `${base.path}/${name}`;
  // Mostly so: init's exit, which a caller has seen before, was the last one. It saves the watch.
  if (readState(base, name, awaited.state) === awaited.value) return;
  const fd = base.open(`${name}/cgroup.events`);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let watch: Disposable | undefined;
  let timer: NodeJS.Timeout | undefined;
  const check = (otherwise?: () => void): void => {
    try {
      if (readStateFrom(fd, awaited.state, path) === awaited.value) resolve();
      else otherwise?.();
    } catch (error) {
      reject(error);
    }
  };
  const onAbort = (): void => reject(signal?.reason);
  // The last word is the file's: a cgroup removed within 10 ms of its last event is not told about.
  const onTimeout = (): void => check(() => reject(awaited.timedOut()));
  try {
    // Watch first, then read: a change in between is seen by one of the two. The read also arms the watch.
    watch = watchPriority(fd, check);
    if (timeoutMs !== Number.POSITIVE_INFINITY) timer = setTimeout(onTimeout, timeoutMs);
    signal?.addEventListener('abort', onAbort);
    check();
    await promise;
  } finally {
    signal?.removeEventListener('abort', onAbort);
    clearTimeout(timer);
    watch?.[Symbol.dispose]();
    closeSync(fd);
  }
}

/** Reads through a descriptor of `cgroup.events` that is held open. */
export function readStateFrom(fd: number, state: CgroupState, path: string): boolean {
  const buffer = Buffer.alloc(256);
  try {
    const length = readSync(fd, buffer, 0, buffer.length, 0);
    return parseState(buffer.toString('latin1', 0, length), state, path);
  } catch (cause) {
    throw cause instanceof CgroupError ? cause : translateFileError('read', `${path}/cgroup.events`, cause);
  }
}

/** Anything but a clear 0 or 1 is an error: a wrong "empty" would let resources go that are still in use. */
export function parseState(text: string, state: CgroupState, path: string): boolean {
  const line = text.split('\n').find((candidate) => candidate === `${state} 0` || candidate === `${state} 1`);
  if (line !== undefined) return line.endsWith('1');
  throw new CgroupError({
    code: 'ERR_CGROUP_IO',
    step: 'read cgroup.events',
    text: `read "${path}/cgroup.events": no line "${state} 0" or "${state} 1" in ${JSON.stringify(text)}`,
  });
}
