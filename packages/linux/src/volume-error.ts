/**
 * A host path cannot be a volume. `ERR_VOLUME_NOT_FOUND`: it is not there, or no longer what it was resolved to;
 * `ERR_VOLUME_UNSUPPORTED`: it is neither directory nor regular file, or its file system has no idmapped mounts.
 */
export class VolumeError extends Error {
  /** The name of this class. */
  override readonly name = 'VolumeError';
  /** Which of these it is. */
  readonly code: 'ERR_VOLUME_NOT_FOUND' | 'ERR_VOLUME_UNSUPPORTED';
  /** The host path. */
  readonly source: string;

  constructor(code: VolumeError['code'], source: string, seen: string, options?: ErrorOptions) {
    super(`[${code}] volume source ${JSON.stringify(source)}: ${seen}`, options);
    this.code = code;
    this.source = source;
  }
}
