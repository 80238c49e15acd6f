/**
 * A disk image cannot be made or mounted. `ERR_MKFS_MISSING`, `ERR_MKFS_FAILED`: making its file system;
 * `ERR_DISK_IMAGE_IN_USE`: it is mounted already; `ERR_NO_LOOP_DEVICE`: this machine gives no loop devices (`cause`).
 */
export class DiskImageError extends Error {
  /** The name of this class. */
  override readonly name = 'DiskImageError';
  /** Which of these it is. */
  readonly code: 'ERR_MKFS_MISSING' | 'ERR_MKFS_FAILED' | 'ERR_DISK_IMAGE_IN_USE' | 'ERR_NO_LOOP_DEVICE';
  /** Of the image. */
  readonly path: string;

  constructor(code: DiskImageError['code'], path: string, seen: string, options?: ErrorOptions) {
    super(`[${code}] ${path}: ${seen}`, options);
    this.code = code;
    this.path = path;
  }
}
