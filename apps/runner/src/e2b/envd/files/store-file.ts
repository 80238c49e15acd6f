import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { HatcheryError } from '@hatchery/runtime';
import type { HostedSandbox } from '../../hosted/hosted-sandbox.ts';
import { EnvdError } from '../envd-error.ts';
import { followedType, withDetails } from '../filesystem/entry-info.ts';
import { type Metadata, setMetadata } from './upload-metadata.ts';

/** A file as who has sent it is told. */
export interface StoredFile {
  readonly name: string;
  readonly path: string;
  readonly type: 'file';
  readonly metadata?: Metadata;
}

export interface Upload {
  readonly hosted: HostedSandbox;
  readonly user: string;
  readonly metadata: Metadata;
  readonly signal: AbortSignal;
}

/**
 * Makes a file of `user`'s, or replaces the content of one and gives it to him. A new one that does not become whole is
 * removed again; of an old one what has come by then stays, which the error says. The errors of the content are thrown as
 * they are.
 * @param path absolute
 */
export async function storeFile(upload: Upload, path: string, content: Readable): Promise<StoredFile> {
  const { hosted, user, metadata, signal } = upload;
  const { files } = hosted.sandbox;
  try {
    await files.write(path, content, { user, takeOver: true, removeUnfinished: true, signal });
  } catch (error) {
    if (!(await isDirectory(upload, path, error))) throw error;
    throw new EnvdError(400, `path is a directory: ${path}`);
  }
  await setMetadata(files, path, metadata, signal);
  const stored = { name: posix.basename(path), path, type: 'file' } as const;
  return Object.keys(metadata).length === 0 ? stored : { ...stored, metadata };
}

async function isDirectory({ hosted, signal }: Upload, path: string, error: unknown): Promise<boolean> {
  if (!(error instanceof HatcheryError) || error.code !== 'ERR_FILE_TYPE') return false;
  const there = await hosted.sandbox.files.stat(path, { ...withDetails, signal }).catch(() => null);
  return there !== null && followedType(there) === 'directory';
}
