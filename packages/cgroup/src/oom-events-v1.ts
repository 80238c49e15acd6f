import { closeSync, readSync } from 'node:fs';
import { closeFd, createEventFd, type Watch, watchReadable } from '@hatchery/linux';
import type { CgroupDirectory } from './cgroup-directory.ts';

/**
 * How long after an event the count may still have to rise, in milliseconds, each time twice as long as before: v1 tells
 * that memory has run out, then writes its report to the kernel log, then kills, and has no event for that. The rest of
 * several kills at once comes without an event of its own too. Measured on 6.18: 0.3 to 3 ms; a slow console adds to it.
 */
const firstRetryMs = 1;
const lastRetryMs = 8192;

/** Calls `onEvent` when the group may have been struck by the OOM killer, and when it was removed. */
export function onOom(base: CgroupDirectory, name: string, onEvent: () => void): Disposable {
  const eventFd = createEventFd();
  let watch: Watch | undefined;
  let timer: NodeJS.Timeout | undefined;
  const retry = (delayMs: number): void => {
    timer = delayMs > lastRetryMs ? undefined : setTimeout(retry, delayMs, delayMs * 2).unref();
    onEvent();
  };
  const arm = (): void => {
    watch = watchReadable(eventFd, () => {
      readSync(eventFd, Buffer.alloc(8));
      clearTimeout(timer);
      arm();
      retry(firstRetryMs);
    });
    watch.unref();
  };
  const dispose = (): void => {
    if (watch === undefined) return;
    watch[Symbol.dispose]();
    watch = undefined;
    clearTimeout(timer);
    // The kernel forgets the registration with the last descriptor.
    closeFd(eventFd);
  };
  try {
    arm();
    register(base, name, eventFd);
  } catch (error) {
    dispose();
    throw error;
  }
  return { [Symbol.dispose]: dispose };
}

function register(base: CgroupDirectory, name: string, eventFd: number): void {
  const controlFd = base.open(`${name}/memory.oom_control`);
  try {
    base.write(`${name}/cgroup.event_control`, `${eventFd} ${controlFd}`);
  } finally {
    closeSync(controlFd);
  }
}
