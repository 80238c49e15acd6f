import { resolve } from 'node:path';
import type { VolumeSpec } from '@hatchery/runtime';
import { CliError } from '../cli-error.ts';

/** `SOURCE:TARGET` with `:ro` or `:rw` behind it; a relative source begins in our directory. */
export function parseVolume(entry: string): VolumeSpec {
  const [source = '', target = '', mode = 'rw', ...more] = entry.split(':');
  if (source === '' || target === '' || (mode !== 'ro' && mode !== 'rw') || more.length > 0)
    throw new CliError(
      'ERR_SPEC_INVALID',
      `--volume: "${entry}" is not SOURCE:TARGET, SOURCE:TARGET:ro or SOURCE:TARGET:rw (paths with a colon: by the API only)`,
    );
  return { source: resolve(source), target, readOnly: mode === 'ro' };
}
