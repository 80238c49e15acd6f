import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { ShimSigningError } from './shim-signing-error.ts';

/** Far above any binary of this kind; a device or a sparse file must not fill the memory. */
const maxBytes = 64 * 2 ** 20;

/** Opens a regular file to read it, or null when there is none. Never hangs on a FIFO. */
export async function openToRead(path: string, flags: number = 0): Promise<FileHandle | null> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | flags);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new Error('it is no regular file');
    if (stat.size > maxBytes) throw new Error(`it is ${stat.size} bytes long; at most ${maxBytes} are read`);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A system call of this package failed on a file. */
export function ioError(step: string, file: string, cause: unknown): ShimSigningError {
  const happened = cause instanceof Error ? cause.message : String(cause);
  const text = `${step} ${file}: ${happened}`;
  return new ShimSigningError({ code: 'ERR_SHIM_IO', step, file, text, cause });
}
