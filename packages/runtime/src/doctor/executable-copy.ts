import { constants } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeFd, createSealedMemfd, LinuxError } from '@hatchery/linux';

/** An open descriptor of a copy that nobody else can write to. */
export interface ExecutableCopy extends AsyncDisposable {
  readonly fd: number;
}

/**
 * Sealed memory, as for a sandbox. Where memfds cannot be executed (which is one of the findings), a private file that has
 * no name any more, so that the other probes still answer.
 */
export async function executableCopy(bytes: Uint8Array): Promise<ExecutableCopy> {
  try {
    const fd = createSealedMemfd('hatchery-shim', bytes, { executable: true });
    return { fd, [Symbol.asyncDispose]: async () => closeFd(fd) };
  } catch (error) {
    if (!(error instanceof LinuxError)) throw error;
    const handle = await privateFile(bytes);
    return { fd: handle.fd, [Symbol.asyncDispose]: () => handle.close() };
  }
}

async function privateFile(bytes: Uint8Array): Promise<FileHandle> {
  const directory = await mkdtemp(join(tmpdir(), 'hatchery-doctor-'));
  try {
    const path = join(directory, 'shim');
    await writeFile(path, bytes, { mode: 0o500, flag: 'wx' });
    return await open(path, constants.O_RDONLY);
  } finally {
    await rm(directory, { recursive: true });
  }
}
