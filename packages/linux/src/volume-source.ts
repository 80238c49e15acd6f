import { fstatSync } from 'node:fs';
import { closeFd } from './fd-registry.ts';
import { LinuxError } from './linux-error.ts';
import { currentDirectory, OpenFlag, openat2, Resolve } from './openat2.ts';
import { VolumeError } from './volume-error.ts';

/** Where a path that was resolved leads no longer to what it led to. */
const changed: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

/**
 * Opens a resolved path (O_PATH): without a symlink anywhere in it, so that it is this one or none, and only a directory or a
 * regular file. Throws `VolumeError` or `LinuxError`.
 */
export function openVolumeSource(source: string): number {
  const fd = openWithoutSymlinks(source);
  try {
    checkKind(fd, source);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

function openWithoutSymlinks(source: string): number {
  try {
    return openat2(currentDirectory, source, { flags: OpenFlag.O_PATH, resolve: Resolve.noSymlinks });
  } catch (cause) {
    if (!(cause instanceof LinuxError) || !changed.has(cause.code)) throw cause;
    const seen = 'it is no longer there, or a symlink has come into its path; put it back, or give its path anew';
    throw new VolumeError('ERR_VOLUME_NOT_FOUND', source, seen, { cause });
  }
}

function checkKind(fd: number, source: string): void {
  const facts = fstatSync(fd);
  if (facts.isDirectory() || facts.isFile()) return;
  const kind = facts.isFIFO() ? 'a FIFO' : facts.isSocket() ? 'a socket' : 'a device';
  const seen = `it is ${kind}; a volume is a directory or a regular file`;
  throw new VolumeError('ERR_VOLUME_UNSUPPORTED', source, seen);
}
