import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type InstallDirectory, unsafe } from './install-directory.ts';
import { ioError, openToRead } from './read-file.ts';
import { ShimSigningError } from './shim-signing-error.ts';

/** A temporary file older than this is a dead installer's: the slowest step has a deadline far below it. */
const abandonedAfterMs = 10 * 60_000;
const executable = 0o755;

export interface Placing {
  readonly directory: InstallDirectory;
  readonly name: string;
  /** What the private copy begins as. */
  readonly bytes: Uint8Array;
  /** Changes the private copy, which no other installer knows. */
  seal?(path: string): Promise<void>;
  /** Throws unless these bytes, read back from the private copy, may be put in place. */
  check(bytes: Buffer, path: string): Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes a private file beside the place, seals and checks it, and renames it there: whoever looks sees the old file or
 * the new one. Returns the bytes that were checked. Whatever fails, the private file goes and the place stays as it was.
 */
export async function putInPlace(placing: Placing): Promise<Buffer> {
  const { directory, name, signal } = placing;
  const privateName = `.${name}.${process.pid}.${randomBytes(6).toString('hex')}.new`;
  const file = join(directory.path, privateName);
  try {
    await writePrivate(directory.at(privateName), placing.bytes);
    await placing.seal?.(file);
    // Opened anew: a tool that seals may have put another file there.
    await using handle = await openToRead(directory.at(privateName), constants.O_NOFOLLOW);
    if (handle === null) throw new Error('the private file is gone');
    const bytes = await handle.readFile();
    await placing.check(bytes, file);
    signal?.throwIfAborted();
    await handle.chmod(executable);
    await handle.sync();
    await rename(directory.at(privateName), directory.at(name));
    await directory.sync();
    return bytes;
  } catch (error) {
    await unlink(directory.at(privateName)).catch(() => {}); // the first error is the one to tell
    if (error instanceof ShimSigningError || signal?.aborted) throw error;
    throw ioError('install', join(directory.path, name), error);
  }
}

async function writePrivate(path: string, bytes: Uint8Array): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  await using handle = await open(path, flags, 0o600);
  await handle.writeFile(bytes);
}

/** What stands at the place, or null. A symbolic link and anything else that is no file of ours is refused. */
export async function readPlace(directory: InstallDirectory, name: string): Promise<Buffer | null> {
  const path = join(directory.path, name);
  let handle: FileHandle | null;
  try {
    handle = await openToRead(directory.at(name), constants.O_NOFOLLOW);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw unsafe(path, code === 'ELOOP' ? 'it is a symbolic link' : message);
  }
  if (handle === null) return null;
  await using opened = handle;
  const { mode, uid } = await opened.stat();
  // Another owner or mode is mended by a new file, as other bytes are.
  return (mode & 0o7777) === executable && (uid === 0 || uid === process.geteuid?.()) ? await opened.readFile() : null;
}

/** Removes private files of installers that were killed. */
export async function removeAbandoned(directory: InstallDirectory, name: string): Promise<void> {
  const pattern = new RegExp(`^\\.${name}\\.\\d+\\.[0-9a-f]{12}\\.new$`);
  for (const entry of await readdir(directory.at('.'))) {
    if (!pattern.test(entry)) continue;
    const found = await lstat(directory.at(entry)).catch(() => null); // renamed into place meanwhile
    if (found !== null && Date.now() - found.mtimeMs > abandonedAfterMs)
      await unlink(directory.at(entry)).catch(() => {});
  }
}
