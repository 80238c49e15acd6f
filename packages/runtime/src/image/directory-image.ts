import { realpathSync, statSync } from 'node:fs';
import { HatcheryError } from '../errors.ts';
import type { Image } from './image.ts';

/**
 * A directory of the host as a root, read-only. The path is resolved now: a link changed later has no effect.
 * Synchronous, as the open_tree(2) that follows is: two calls on a path that is in the cache.
 */
export function directoryImage(path: string): Image {
  const source = resolved(path);
  if (!statSync(source).isDirectory()) throw notFound(path, 'it is not a directory');
  return { key: `directory:${source}`, layers: [{ target: '/', source }] };
}

function resolved(path: string): string {
  try {
    return realpathSync.native(path);
  } catch (cause) {
    throw notFound(path, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function notFound(path: string, why: string, cause?: unknown): HatcheryError {
  const text = `image ${path}: ${why}; give the absolute path of a root directory`;
  return new HatcheryError('ERR_IMAGE_NOT_FOUND', text, {
    step: 'resolve-image',
    ...(cause === undefined ? {} : { cause }),
  });
}
