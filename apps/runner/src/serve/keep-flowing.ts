import type { Execution } from '@hatchery/runtime';

/**
 * A detached program does not wait for readers: somebody is attached who takes everything at once and throws it away.
 * What is kept of it for `logs` is the runtime's replay.
 */
export async function keepFlowing(execution: Execution): Promise<void> {
  try {
    for await (const _ of execution.attach({ lend: true })) {
      // Taking it is all.
    }
  } catch {
    // The runtime closes: the program's next reader is another server's.
  }
}
