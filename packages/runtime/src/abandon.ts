import { AbortError } from './errors.ts';

/**
 * Settles like `work`, but rejects at once with AbortError when the signal fires. `work` then goes on by itself, and
 * `onLate` gets what it still brings, to dispose of it.
 */
export function abandonable<T>(
  what: string,
  work: Promise<T>,
  signal: AbortSignal | undefined,
  onLate: (value: T) => void,
  reasonOf: (signal: AbortSignal) => Error = (aborted) => new AbortError(what, aborted),
): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    let abandoned = false;
    const onAbort = (): void => {
      abandoned = true;
      reject(reasonOf(signal));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(
      (value) => {
        signal.removeEventListener('abort', onAbort);
        if (abandoned) onLate(value);
        else resolve(value);
      },
      (error: unknown) => {
        signal.removeEventListener('abort', onAbort);
        // After an abort this rejection has nobody to go to: the undo that follows it is reported on its own.
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
    if (signal.aborted) onAbort();
  });
}
