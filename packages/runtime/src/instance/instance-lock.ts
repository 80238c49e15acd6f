import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { lockFile } from '@hatchery/linux';
import { makeSearchable } from './make-searchable.ts';

/** The held lock; or no lock, with the pid of who holds it (null: not written yet, or the directory is gone). */
export type LockResult = { readonly fd: number } | { readonly fd: null; readonly heldBy: number | null };

/**
 * Takes `<directory>/lock` by flock(2), which the kernel gives back when the descriptor closes, whatever way the owner
 * dies. Owner and sweeper of one directory may race: whoever locks a file that is no longer the one at the path has
 * locked a removed instance and starts again.
 * @param options.create makes the directory when it is missing
 */
export function lockInstance(directory: string, options: { create: boolean }): LockResult {
  const path = join(directory, 'lock');
  for (;;) {
    if (options.create) makeSearchable(directory);
    const fd = openLock(path, options);
    if (fd === null) {
      // Removed since our mkdir, or since the sweeper's listing.
      if (options.create) continue;
      return { fd: null, heldBy: null };
    }
    if (!tryLock(fd)) {
      closeSync(fd);
      return { fd: null, heldBy: readOwner(path) };
    }
    if (isFileAt(fd, path)) {
      writeOwner(fd);
      return { fd };
    }
    closeSync(fd);
  }
}

/** Made when missing, by sweepers too: an owner that died before its lock existed leaves a directory to sweep. */
function openLock(path: string, options: { create: boolean }): number | null {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ENOTDIR: a stray file among the instances is nothing to sweep, but nothing to open either.
    if (code === 'ENOENT' || (code === 'ENOTDIR' && !options.create)) return null;
    throw error;
  }
}

function tryLock(fd: number): boolean {
  try {
    return lockFile(fd, 'exclusive');
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Whether the path still leads to the file that is open. */
export function isFileAt(fd: number, path: string): boolean {
  const held = fstatSync(fd);
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && found.ino === held.ino && found.dev === held.dev;
}

/** Only for the message that a second owner gets. */
function writeOwner(fd: number): void {
  ftruncateSync(fd, 0);
  writeSync(fd, `${process.pid}\n`, 0);
}

function readOwner(path: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(path, 'utf8'), 10);
    return pid > 0 ? pid : null;
  } catch {
    // The owner closed meanwhile; the message does without its pid.
    return null;
  }
}
