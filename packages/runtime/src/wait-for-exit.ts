import { type Watch, watchReadable } from '@hatchery/linux';

/** A killed process unwinds at once; what takes time is a machine with thousands of them. */
export const exitTimeoutMs = 30_000;

/**
 * Resolves when the process of `pidfd` has exited. Rejects after {@link exitTimeoutMs}: a process that was killed and
 * does not die hangs in the kernel (storage that does not answer), and nothing that it uses may be given back.
 */
export function waitForExit(pidfd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let watch: Watch | null = null;
    const timer = setTimeout(() => {
      watch?.[Symbol.dispose]();
      reject(new Error(`the process did not end within ${exitTimeoutMs} ms of being killed`));
    }, exitTimeoutMs);
    watch = watchReadable(pidfd, () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
