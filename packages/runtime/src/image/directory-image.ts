import { realpath, stat } from 'node:fs/promises';
import { HatcheryError } from '../errors.ts';
import type { Image } from './image.ts';

/** A directory of the host as a root, read-only. The path is resolved now: a link changed later has no effect. */
export async function directoryImage(path: string): Promise<Image> {
  const source = await realpath(path).catch((cause: unknown) => {
    throw notFound(path, cause instanceof Error ? cause.message : String(cause), cause);
  });
  if (!(await stat(source)).isDirectory()) throw notFound(path, 'it is not a directory');
  return { key: `directory:${source}`, layers: [{ target: '/', source }] };
}

function notFound(path: string, why: string, cause?: unknown): HatcheryError {
  const text = `image ${path}: ${why}; give the absolute path of a root directory`;
  return new HatcheryError('ERR_IMAGE_NOT_FOUND', text, {
    step: 'resolve-image',
    ...(cause === undefined ? {} : { cause }),
  });
}
