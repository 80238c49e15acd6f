import { closeSync, constants, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockFile } from '@hatchery/linux';
import { CliError } from '../cli-error.ts';

const patienceMs = 10_000;
const retryMs = 10;

/**
 * Does something that only one process at a time may do. The file at `path` is its lock; it stays, since one that is removed
 * would let two in. Throws ERR_KEY_STORE when the other one does not finish.
 */
export async function withLock<T>(path: string, act: () => T): Promise<T> {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    const giveUpAt = performance.now() + patienceMs;
    // flock(2) that waits would hold this thread; nothing tells when another process lets go.
    while (!lockFile(fd, 'exclusive')) {
      if (performance.now() > giveUpAt)
        throw new CliError('ERR_KEY_STORE', `${path} is locked by another process for ${patienceMs} ms; try again`);
      await sleep(retryMs);
    }
    return act();
  } finally {
    closeSync(fd);
  }
}
