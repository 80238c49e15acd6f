import { type MountDiskImageOptions, mountDiskImage as mount, releaseFd } from '@hatchery/linux';

/** Which image, and how long its mount may take. */
export interface MountDiskImage extends MountDiskImageOptions {
  /** Of the image. */
  readonly path: string;
}

/**
 * Mounts an image of `makeDiskImage`, attached nowhere. The descriptor is the calling thread's (`closeFd`); the mount goes with
 * the last one. Throws `DiskImageError` and `LinuxError`.
 */
export function mountDiskImage({ path, ...options }: MountDiskImage): {
  /** Of the mount. */
  readonly fd: number;
} {
  return { fd: releaseFd(mount(path, options)) };
}
