import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { BlockingPool } from '@hatchery/blocking-io';
import { CliError } from '../cli-error.ts';
import type { CopyPlace } from './copy-place.ts';
import { targetOfDirectory, targetOfFile } from './copy-target.ts';
import { localError, openLocal } from './local-files.ts';
import type { RemoteFiles } from './remote-files.ts';

export interface CopyInOptions {
  readonly recursive: boolean;
  readonly user: string | undefined;
}

/** Copies a file, directory or our standard input into a sandbox. */
export async function copyIn(
  source: Exclude<CopyPlace, { kind: 'sandbox' }>,
  files: RemoteFiles,
  target: string,
  { recursive, user }: CopyInOptions,
): Promise<void> {
  if (source.kind === 'stream') {
    if (recursive) return await files.extract(target, process.stdin, { user });
    return await files.write(targetOfFile(null, target, await files.find(target)), process.stdin, { user });
  }
  const { path } = source;
  const facts = await stat(path).catch((error: unknown) => {
    throw localError('read', path, error);
  });
  const found = await files.find(target);
  if (facts.isDirectory()) {
    if (!recursive) throw new CliError('ERR_USAGE', `cp: ${path} is a directory; add -r`);
    return await sendDirectory(path, files, targetOfDirectory(path, target, found), user);
  }
  // Of a pipe, such as one of <(...), the mode says nothing.
  const mode = facts.isFile() ? { mode: (facts.mode & 0o777).toString(8) } : {};
  const content = createReadStream(path);
  try {
    await files.write(targetOfFile(path, target, found), content, { user, ...mode });
  } catch (error) {
    throw error === content.errored ? localError('read', path, error) : error;
  } finally {
    content.destroy();
  }
}

/** Symlinks in it are read, never followed, whoever swaps them meanwhile. */
async function sendDirectory(
  path: string,
  files: RemoteFiles,
  target: string,
  user: string | undefined,
): Promise<void> {
  await using pool = await BlockingPool.open({ threads: 1, minThreads: 0, holderThreads: 1 });
  await using chroot = await openLocal(pool, resolve(path));
  const archive = chroot.pack('/');
  try {
    await files.extract(target, archive, { user });
  } catch (error) {
    throw error === archive.errored ? localError('read', path, error) : error;
  } finally {
    archive.destroy();
  }
}
