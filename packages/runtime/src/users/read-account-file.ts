import { fstatSync, readSync } from 'node:fs';
import { closeFd, LinuxError, OpenFlag, openat2, Resolve } from '@hatchery/linux';
import { HatcheryError } from '../errors.ts';

const maxBytes = 1024 * 1024;

/**
 * Reads a small file of an untrusted root; null when it is not there. The path resolves inside the root only, and only
 * a regular file is read: a FIFO does not block (O_NONBLOCK), a device cannot be opened (the root is mounted nodev).
 */
export function readAccountFile(rootFd: number, path: string, user: string | number): string | null {
  const fd = openInRoot(rootFd, path, user);
  if (fd === null) return null;
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw unreadable(path, user, 'is not a regular file');
    if (stat.size > maxBytes) throw unreadable(path, user, `is ${stat.size} bytes, at most ${maxBytes} are read`);
    return readBounded(fd, stat.size);
  } catch (error) {
    if (error instanceof HatcheryError) throw error;
    throw unreadable(path, user, `cannot be read (${errorText(error)})`, error);
  } finally {
    closeFd(fd);
  }
}

function openInRoot(rootFd: number, path: string, user: string | number): number | null {
  const flags = OpenFlag.O_RDONLY | OpenFlag.O_NONBLOCK | OpenFlag.O_NOCTTY | OpenFlag.O_CLOEXEC;
  try {
    return openat2(rootFd, path, { flags, resolve: Resolve.inRoot | Resolve.noMagicLinks });
  } catch (error) {
    if (error instanceof LinuxError && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null;
    throw unreadable(path, user, `cannot be opened (${errorText(error)})`, error);
  }
}

/** The size that fstat told may be old by now, so the read itself is what is bounded. */
function readBounded(fd: number, size: number): string {
  const buffer = Buffer.allocUnsafe(size);
  let length = 0;
  while (length < size) {
    const count = readSync(fd, buffer, length, size - length, null);
    if (count === 0) break;
    length += count;
  }
  return buffer.toString('utf8', 0, length);
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
