import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { closeFd, LinuxError, OpenFlag, openat2, Resolve } from '@hatchery/linux';
import { HatcheryError } from '../errors.ts';

const maxBytes = 1024 * 1024;

/**
 * Reads a small file of an untrusted root; null when it is not there. The path resolves inside the root only, and
 * nothing but a regular file is ever opened for reading: a FIFO would hang and a device may act when opened.
 */
export function readAccountFile(rootFd: number, path: string, user: string | number): string | null {
  const handle = openInRoot(rootFd, path, user);
  if (handle === null) return null;
  try {
    if (!fstatSync(handle).isFile()) throw unreadable(path, user, 'is not a regular file');
    return readBounded(handle, path, user);
  } catch (error) {
    if (error instanceof HatcheryError) throw error;
    throw unreadable(path, user, `cannot be read (${errorText(error)})`, error);
  } finally {
    closeFd(handle);
  }
}

function openInRoot(rootFd: number, path: string, user: string | number): number | null {
  try {
    const resolve = Resolve.inRoot | Resolve.noMagicLinks;
    return openat2(rootFd, path, { flags: OpenFlag.O_PATH | OpenFlag.O_CLOEXEC, resolve });
  } catch (error) {
    if (error instanceof LinuxError && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null;
    throw unreadable(path, user, `cannot be opened (${errorText(error)})`, error);
  }
}

/** The size that fstat told may be old by now, so the read itself is what is bounded. */
function readBounded(handle: number, path: string, user: string | number): string {
  // Reopens the very inode that was checked; the name could be another file by now.
  const fd = openSync(`/proc/self/fd/${handle}`, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const size = fstatSync(fd).size;
    if (size > maxBytes) throw unreadable(path, user, `is ${size} bytes, at most ${maxBytes} are read`);
    const buffer = Buffer.allocUnsafe(size);
    let length = 0;
    while (length < size) {
      const count = readSync(fd, buffer, length, size - length, null);
      if (count === 0) break;
      length += count;
    }
    return buffer.toString('utf8', 0, length);
  } finally {
    closeSync(fd);
  }
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function unreadable(path: string, user: string | number, what: string, cause?: unknown): HatcheryError {
  const text = `user ${JSON.stringify(String(user).slice(0, 64))}: the sandbox's /${path} ${what}`;
  return new HatcheryError('ERR_USER_NOT_FOUND', text, {
    step: 'lookup-user',
    ...(cause === undefined ? {} : { cause }),
  });
}
