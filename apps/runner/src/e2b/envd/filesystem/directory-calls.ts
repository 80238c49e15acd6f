import { posix } from 'node:path';
import { Code, ConnectError } from '@connectrpc/connect';
import { type FileEntry, HatcheryError } from '@hatchery/runtime';
import type { HostedSandbox } from '../../hosted/hosted-sandbox.ts';
import type { EntryInfo } from '../protocol/filesystem.generated.ts';
import { entryInfoOf, followedType, withDetails } from './entry-info.ts';
import { resolvePath } from './resolve-path.ts';

/** Whose call it is, and how long its client waits for it. */
export interface Caller {
  readonly hosted: HostedSandbox;
  readonly user: string;
  readonly signal: AbortSignal;
}

/** Throws ERR_FILE_NOT_FOUND, also where a part of the path is a file. */
export async function stat(caller: Caller, path: string): Promise<EntryInfo> {
  return entryInfoOf(await look(caller, await resolve(caller, path)));
}

/** Throws `already_exists` for a directory that is there, `invalid_argument` for anything else. */
export async function makeDir(caller: Caller, path: string): Promise<EntryInfo> {
  const { hosted, user, signal } = caller;
  const wanted = await resolve(caller, path);
  const there = await lookOrNull(caller, wanted);
  const type = there === null ? null : followedType(there);
  if (type === 'directory') throw new ConnectError(`directory already exists: ${wanted}`, Code.AlreadyExists);
  if (type !== null)
    throw new ConnectError(`path already exists but it is not a directory: ${wanted}`, Code.InvalidArgument);
  await hosted.sandbox.files.makeDirectory(wanted, { user, signal });
  return entryInfoOf(await look(caller, wanted));
}

/** Makes the directories of the destination. Throws ERR_FILE_NOT_FOUND before that when there is nothing to move. */
export async function move(caller: Caller, source: string, destination: string): Promise<EntryInfo> {
  const { hosted, user, signal } = caller;
  const { files } = hosted.sandbox;
  const [from, to] = [await resolve(caller, source), await resolve(caller, destination)];
  await look(caller, from);
  await files.makeDirectory(posix.dirname(to), { user, signal });
  await files.rename(from, to, { signal });
  return entryInfoOf(await look(caller, to));
}

/** With everything in it; what is not there is fine. */
export async function remove(caller: Caller, path: string): Promise<void> {
  await caller.hosted.sandbox.files.remove(await resolve(caller, path));
}

/** A directory that may be watched. Throws ERR_FILE_NOT_FOUND and `invalid_argument`. */
export async function watchable(caller: Caller, path: string, allowNetworkMounts: boolean): Promise<string> {
  const wanted = await resolve(caller, path);
  const entry = await look(caller, wanted);
  const type = followedType(entry);
  if (type === null) throw new ConnectError(`path ${wanted} not found: it is a symlink to nothing`, Code.NotFound);
  if (type !== 'directory') throw new ConnectError(`path ${wanted} is not a directory`, Code.InvalidArgument);
  if (entry.details?.isRemote === true && !allowNetworkMounts)
    throw new ConnectError(`cannot watch path on network filesystem: ${wanted}`, Code.InvalidArgument);
  return wanted;
}

export function look({ hosted, signal }: Caller, path: string): Promise<FileEntry> {
  return notFoundForType(hosted.sandbox.files.stat(path, { ...withDetails, signal }));
}

async function lookOrNull(caller: Caller, path: string): Promise<FileEntry | null> {
  try {
    return await look(caller, path);
  } catch (error) {
    if (error instanceof HatcheryError && error.code === 'ERR_FILE_NOT_FOUND') return null;
    throw error;
  }
}

export function resolve({ hosted, user }: Caller, path: string): Promise<string> {
  return resolvePath(hosted, path, user);
}

/** Below a file there is nothing: whoever asks whether something is there wants to hear that. */
async function notFoundForType<T>(looking: Promise<T>): Promise<T> {
  try {
    return await looking;
  } catch (error) {
    if (!(error instanceof HatcheryError) || error.code !== 'ERR_FILE_TYPE') throw error;
    throw new HatcheryError('ERR_FILE_NOT_FOUND', error.message.replace(/^\[\w+\] /, ''), { cause: error });
  }
}
