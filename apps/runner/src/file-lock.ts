import { closeSync, constants, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockFile } from '@hatchery/linux';
import { CliError } from './cli-error.ts';

const patienceMs = 10_000;
const retryMs = 10;

/** Takes the lock that a file is; null: another process has it. The kernel gives it back when its holder dies. */
export function tryLock(path: string): Disposable | null {
  // It stays: one that is removed would let two in.
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  let taken = false;
  try {
    taken = lockFile(fd, 'exclusive');
  } finally {
    if (!taken) closeSync(fd);
  }
  return taken ? { [Symbol.dispose]: () => closeSync(fd) } : null;
}

/**
 * Does something short that only one process at a time may do. Throws ERR_STORE_LOCKED when the other one does not finish.
 */
export async function withLock<T>(path: string, act: () => T): Promise<T> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    using lock = tryLock(path);
    if (lock !== null) return act();
    if (performance.now() > giveUpAt)
      throw new CliError('ERR_STORE_LOCKED', `${path} is locked by another process for ${patienceMs} ms; try again`);
    // flock(2) that waits would hold this thread; nothing tells when another process lets go.
    await sleep(retryMs);
  }
}
