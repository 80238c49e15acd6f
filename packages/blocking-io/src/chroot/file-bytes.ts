import { readSync, writeSync } from 'node:fs';
import { LinuxError } from '@hatchery/linux';

/** Bytes read from an offset on, 0 at the end (pread(2)). Throws `LinuxError`. */
export function readAt(fd: number, bytes: Uint8Array, offset: number, path: string): number {
  return asLinuxError('pread', path, () => readSync(fd, bytes, 0, bytes.length, offset));
}

/** Writes all of it where the file stands (write(2)). Throws likewise. */
export function writeAll(fd: number, bytes: Uint8Array, path: string): void {
  for (let written = 0; written < bytes.length; )
    written += asLinuxError('write', path, () => writeSync(fd, bytes, written));
}

/** A call of node:fs, whose errors become those of this package. */
export function asLinuxError<T>(call: string, path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException;
    if (typeof errno !== 'number') throw error;
    throw new LinuxError(call, -errno, JSON.stringify(path), { cause: error });
  }
}
