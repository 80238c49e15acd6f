import { resolveVolume } from '@hatchery/linux';

/** The paths without symlinks that host paths lead to, each a directory or a regular file. Throws `VolumeError`. */
export function resolveVolumes({ sources }: { readonly sources: readonly string[] }): string[] {
  return sources.map(resolveVolume);
}
