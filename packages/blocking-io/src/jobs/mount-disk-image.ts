import { type MountDiskImageOptions, mountDiskImage as mount, releaseFd } from '@hatchery/linux';

export interface MountDiskImage extends MountDiskImageOptions {
  readonly path: string;
}

/**
 * Mounts an image of `makeDiskImage`, attached nowhere. The descriptor is the calling thread's (`closeFd`); the mount goes with
 * the last one. Throws `DiskImageError` and `LinuxError`.
 */
export function mountDiskImage({ path, ...options }: MountDiskImage): { readonly fd: number } {
  return { fd: releaseFd(mount(path, options)) };
}
