import { constants, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { dirname, relative, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BlockingPool } from '@hatchery/blocking-io';
import { CliError } from '../cli-error.ts';
import { brokenStream } from '../client/broken-stream.ts';
import type { CopyPlace } from './copy-place.ts';
import { type Found, targetOfDirectory, targetOfFile } from './copy-target.ts';
import { localError, openLocal } from './local-files.ts';
import type { RemoteFiles } from './remote-files.ts';

/** Copies a file or directory of a sandbox here, or to our standard output. */
export async function copyOut(
  files: RemoteFiles,
  source: string,
  target: Exclude<CopyPlace, { kind: 'sandbox' }>,
  recursive: boolean,
): Promise<void> {
  if (target.kind === 'stream') {
    const stream = await (recursive ? files.archive(source) : files.read(source));
    return await receive(stream, process.stdout, (error) => error);
  }
  const isDirectory = (await files.find(source)) === 'directory';
  const found = await findHere(target.path);
  if (!isDirectory) return await receiveFile(files, source, targetOfFile(source, target.path, found));
  if (!recursive) throw new CliError('ERR_USAGE', `cp: ${source} is a directory in the sandbox; add -r`);
  const { type, symlinkTarget } = (await files.stat(source)) ?? {};
  if (type === 'symlink')
    throw new CliError('ERR_USAGE', `cp: ${source} is a symlink to ${symlinkTarget}; name the directory itself`);
  const top = found === 'directory' ? target.path : dirname(resolve(target.path));
  await receiveDirectory(files, source, top, targetOfDirectory(source, target.path, found));
}

/** Not through a symlink, which an earlier copy may have brought. */
async function receiveFile(files: RemoteFiles, source: string, target: string): Promise<void> {
  const entry = await files.stat(source);
  const content = await files.read(source);
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  const mode = entry?.type === 'file' ? entry.mode & 0o777 : 0o644;
  const here = createWriteStream(target, { flags: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode } as object);
  await receive(content, here, (error) => localError('write', target, error));
}

/** Below `top`, which is ours, nothing leads out of it: neither the archive, nor what an earlier one has left there. */
async function receiveDirectory(files: RemoteFiles, source: string, top: string, target: string): Promise<void> {
  const inside = `/${relative(resolve(top), resolve(target))}`;
  await using pool = await BlockingPool.open({ threads: 1, minThreads: 0, holderThreads: 1 });
  await using chroot = await openLocal(pool, resolve(top));
  const archive = await files.archive(source);
  try {
    await chroot.makeDirectory(inside);
    await chroot.unpack(inside, archive);
  } catch (error) {
    if (!archive.complete) throw brokenStream(error);
    throw localError('write', target, error);
  }
}

async function receive(content: IncomingMessage, here: Writable, explain: (error: Error) => Error): Promise<void> {
  try {
    await pipeline(content, here, { end: here !== process.stdout });
  } catch (error) {
    throw here.errored ? explain(here.errored) : brokenStream(error);
  }
}

async function findHere(path: string): Promise<Found> {
  try {
    return (await stat(path)).isDirectory() ? 'directory' : 'something';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'nothing';
    throw localError('look at', path, error);
  }
}
