import { inspect } from 'node:util';
import { HatcheryError } from '../errors.ts';
import { directoryImage } from './directory-image.ts';
import { hostImage } from './host-image.ts';

/** One read-only tree of an image. */
export interface ImageLayer {
  /** Absolute path in the sandbox where it is mounted. */
  readonly target: string;
  /** Absolute path on the host, without symbolic links. */
  readonly source: string;
}

/** What a root is made from. */
export interface Image {
  /** Equal keys mean equal layers. */
  readonly key: string;
  /** '/' first, parents before children. */
  readonly layers: readonly ImageLayer[];
}

/**
 * Finds (for `host`: builds, once) the layers of an image. A directory's own `/etc/resolv.conf` stays what it is.
 * Throws ERR_IMAGE_NOT_FOUND for a directory that is none, ERR_IMAGE_UNSUPPORTED for anything that is neither `host`
 * nor an absolute path, or for a host that has no /usr.
 */
export async function resolveImage(
  image: string,
  options: { dataDirectory: string; resolvers?: readonly string[] },
): Promise<Image> {
  if (image === 'host') return await hostImage(options);
  if (image.startsWith('/')) return directoryImage(image);
  const text = `image ${inspect(image)}: only 'host' and absolute paths of root directories are known; give one of them`;
  throw new HatcheryError('ERR_IMAGE_UNSUPPORTED', text, { step: 'resolve-image' });
}
