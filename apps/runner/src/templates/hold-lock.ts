import { closeSync, constants, openSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { lockFile } from '@hatchery/linux';

/** A lock that is given back by `using`, or by the kernel when its holder dies. */
export interface HeldLock extends Disposable {
  readonly fd: number;
}

/** Takes the lock of a file, which is made when missing and never removed; null: somebody has it. */
export function tryLock(path: string): HeldLock | null {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  let taken = false;
  try {
    taken = lockFile(fd, 'exclusive');
  } finally {
    if (!taken) closeSync(fd);
  }
  return taken ? { fd, [Symbol.dispose]: () => closeSync(fd) } : null;
}

/** How often a lock is asked for again: flock(2) tells nobody when it becomes free, but to those who block in it. */
const askAgainMs = 10;

/** Waits until the lock is free: whoever holds one of these holds it for the writing of a small file. */
export async function holdLock(path: string): Promise<HeldLock> {
  for (;;) {
    const lock = tryLock(path);
    if (lock !== null) return lock;
    await wait(askAgainMs);
  }
}
