import { realpathSync } from 'node:fs';
import { closeFd } from './fd-registry.ts';
import { VolumeError } from './volume-error.ts';
import { openVolumeSource } from './volume-source.ts';

/** What a path that leads nowhere is told as; anything else is about the storage. */
const nowhere: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG']);

/**
 * The path without symlinks that a host path leads to, which is a directory or a regular file. Blocks on the storage: call it
 * in a worker. Throws `VolumeError`, `LinuxError`, or what node:fs throws of storage that fails.
 */
export function resolveVolume(source: string): string {
  const resolved = resolve(source);
  closeFd(openVolumeSource(resolved));
  return resolved;
}

function resolve(source: string): string {
  try {
    // The native one asks the kernel, which alone knows where the links of /proc lead.
    return realpathSync.native(source);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    if (!nowhere.has(code)) throw cause;
    const seen = `it cannot be resolved (${code}); make it first, or correct the path`;
    throw new VolumeError('ERR_VOLUME_NOT_FOUND', source, seen, { cause });
  }
}
