import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { type FileEntry, HatcheryError, type Sandbox } from '@hatchery/runtime';

/**
 * Unpacks a tar archive as BoxLite's clients mean it: one regular file and nothing else becomes the file at `path`, or is put
 * into the directory that is there; anything else is what is in a directory at `path`, which is made where there is none.
 * All of it or nothing. Throws as `sandbox.files`.
 *
 * @param path absolute; with a slash at its end it is a directory
 */
export async function receiveFiles(
  { files }: Pick<Sandbox, 'files'>,
  path: string,
  source: Readable,
  signal: AbortSignal,
): Promise<void> {
  const there = await statOrNull(files, path, signal);
  if (path.endsWith('/') || there?.type === 'directory') {
    await files.extract(path, source, { signal });
    return;
  }
  // Only its end tells whether there is more than one file in it: until then it is beside its place, which a rename gives it.
  const aside = posix.join(posix.dirname(path), `.incoming-${randomBytes(8).toString('hex')}`);
  try {
    const { entries } = await files.extract(aside, source, { signal });
    const [first] = entries === 1 ? await files.list(aside, { limit: 2, signal }) : [];
    await files.rename(first?.type === 'file' ? first.path : aside, path, { signal });
  } finally {
    // Not with the signal: whoever broke it off has what is left of it removed, too.
    await files.remove(aside).catch(() => {});
  }
}

async function statOrNull(
  files: Sandbox['files'],
  path: string,
  signal: AbortSignal,
): Promise<Pick<FileEntry, 'type'> | null> {
  try {
    return await files.stat(path, { signal });
  } catch (error) {
    if (error instanceof HatcheryError && error.code === 'ERR_FILE_NOT_FOUND') return null;
    throw error;
  }
}
