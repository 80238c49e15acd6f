import { closeSync, readSync } from 'node:fs';
import { watchPriority } from '@hatchery/linux';
import { type CgroupDirectory, translateFileError } from './cgroup-directory.ts';
import { CgroupError } from './cgroup-error.ts';

export interface WaitOptions {
  /** Milliseconds; Infinity waits for ever. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Whether a process lives in `name` or below (`populated` of cgroup.events). */
export function isPopulated(base: CgroupDirectory, name: string): boolean {
  return parsePopulated(base.read(`${name}/cgroup.events`), `${base.path}/${name}`);
}

/**
 * Resolves when `name` and everything below is empty, told by the kernel (POLLPRI on cgroup.events).
 *
 * The kernel tells at most every 10 ms per cgroup, so a group that is filled and emptied at once is seen empty
 * up to 10 ms late, unless it is empty already when this is called.
 *
 * @throws CgroupError ERR_CGROUP_TIMEOUT; ERR_CGROUP_GONE when the cgroup is not there; the signal's reason.
 */
export async function waitUnpopulated(base: CgroupDirectory, name: string, options: WaitOptions): Promise<void> {
  const { timeoutMs, signal } = options;
  signal?.throwIfAborted();
  const path = `${base.path}/${name}`;
  // Mostly so: init's exit, which a caller has seen before, was the last one. It saves the watch.
  if (!isPopulated(base, name)) return;
  const fd = base.open(`${name}/cgroup.events`);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let watch: Disposable | undefined;
  let timer: NodeJS.Timeout | undefined;
  const check = (): void => {
    try {
      if (!readPopulated(fd, path)) resolve();
    } catch (error) {
      reject(error);
    }
  };
  const onAbort = (): void => reject(signal?.reason);
  const onTimeout = (): void => {
    try {
      // The last word is the file's: a cgroup removed within 10 ms of its last event is not told about.
      if (!readPopulated(fd, path)) return resolve();
      reject(timedOut(path, timeoutMs));
    } catch (error) {
      reject(error);
    }
  };
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

function readPopulated(fd: number, path: string): boolean {
  const buffer = Buffer.alloc(256);
  try {
    const length = readSync(fd, buffer, 0, buffer.length, 0);
    return parsePopulated(buffer.toString('latin1', 0, length), path);
  } catch (cause) {
    throw cause instanceof CgroupError ? cause : translateFileError('read', `${path}/cgroup.events`, cause);
  }
}

/** Anything but a clear 0 or 1 is an error: a wrong "empty" would let resources go that are still in use. */
export function parsePopulated(text: string, path: string): boolean {
  const value = /^populated ([01])$/m.exec(text)?.[1];
  if (value !== undefined) return value === '1';
  throw new CgroupError({
    code: 'ERR_CGROUP_IO',
    step: 'read cgroup.events',
    text: `read "${path}/cgroup.events": no line "populated 0" or "populated 1" in ${JSON.stringify(text)}`,
  });
}

function timedOut(path: string, timeoutMs: number): CgroupError {
  return new CgroupError({
    code: 'ERR_CGROUP_TIMEOUT',
    step: 'wait for populated 0',
    text: `"${path}" still has processes after ${timeoutMs} ms. Kill it first, or wait longer`,
  });
}
