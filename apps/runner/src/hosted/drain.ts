import type { Execution } from '@hatchery/runtime';

/** How many bytes of each output clients have had. */
export interface Delivered {
  readonly stdout: number;
  readonly stderr: number;
}

/** Of all processes of a sandbox together. */
const bytesPerMs = 8 * 1024;
/** Nobody waits for less. */
const leastWaitMs = 10;

/**
 * Takes what nobody listens to out of the pipes of one sandbox, so that no program waits for a client that is gone. All together
 * may write only so much: programs that write for ever are slowed down instead of using up this process's time, which others need.
 */
export class Drain {
  #freeAt = 0;

  /**
   * Until the output ends, or `signal`. What the runtime keeps of it can be read later.
   * @param onTaken told the offset behind what was taken
   */
  async follow(
    execution: Execution,
    { stdout, stderr }: Delivered,
    signal: AbortSignal,
    onTaken?: (stream: 'stdout' | 'stderr', end: number) => void,
  ): Promise<void> {
    const from = { stdoutOffset: stdout, stderrOffset: stderr };
    try {
      for await (const event of execution.attach({ ...from, backPressure: true, lend: true, toEnd: true, signal })) {
        if (event.type !== 'data') continue;
        onTaken?.(event.stream, event.offset + event.data.length);
        await this.#pay(event.data.length, signal);
      }
    } catch {
      // Somebody listens again; or the runtime closes, and the program's next reader is another server's.
    }
  }

  async #pay(bytes: number, signal: AbortSignal): Promise<void> {
    const now = performance.now();
    this.#freeAt = Math.max(now, this.#freeAt) + bytes / bytesPerMs;
    if (this.#freeAt - now > leastWaitMs) await pause(this.#freeAt - now, signal);
  }
}

/** Ends early when the signal is aborted. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const onAbort = (): void => resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', onAbort);
}
