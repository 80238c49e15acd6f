import type { FileEntry, SandboxFiles } from '@hatchery/runtime';
import { EnvdError } from '../envd-error.ts';
import { detailsOf, withDetails } from '../filesystem/entry-info.ts';

/**
 * The regular file that a path leads to, under its own path. Throws EnvdError 400 and 404, and as `files.stat()`.
 * @param path absolute
 */
export async function findFile(files: SandboxFiles, path: string, signal: AbortSignal): Promise<FileEntry> {
  const entry = await files.stat(path, { ...withDetails, signal });
  if (entry.type !== 'symlink') return requireFile(entry, path);
  const { target } = detailsOf(entry);
  if (target === null) throw new EnvdError(404, `path '${path}' does not exist`);
  return requireFile(await files.stat(target.path, { ...withDetails, signal }), path);
}

function requireFile(entry: FileEntry, path: string): FileEntry {
  if (entry.type === 'directory') throw new EnvdError(400, `path '${path}' is a directory`);
  if (entry.type !== 'file') throw new EnvdError(400, `path '${path}' is not a regular file`);
  return entry;
}
