import { DiskImageError } from './disk-image-error.ts';
import { closeFd } from './fd-registry.ts';
import { LinuxError } from './linux-error.ts';
import { lockFile } from './lock-file.ts';
import { native } from './native-binding.ts';
import { currentDirectory, OpenFlag, openat2 } from './openat2.ts';

/**
 * An error in the file system must not become the host's (errors=panic is a setting of the image), and the zeros of the
 * inode tables are there already: no kernel thread has to write them.
 */
const mountOptions = 'errors=remount-ro,noinit_itable';

const retryMs = 5;

/** How long a mount may take. */
export interface MountDiskImageOptions {
  /** How long to wait for an earlier mount of this image to go; 0 when left out. */
  readonly waitMs?: number;
}

/**
 * Mounts an image of `makeDiskImage`, attached nowhere (loop(4), fsopen(2), fsmount(2)), and returns the mount's
 * descriptor, this thread's. What is held of it, the loop device and the image's lock, goes with the last descriptor or
 * mount that holds it, however the process ends. Its size bounds what fits in. Needs CAP_SYS_ADMIN. Blocks on the disk:
 * call it in a worker.
 *
 * Throws DiskImageError (ERR_DISK_IMAGE_IN_USE: two mounts of one image would destroy it; ERR_NO_LOOP_DEVICE) or LinuxError.
 */
export function mountDiskImage(path: string, options: MountDiskImageOptions = {}): number {
  const image = openat2(currentDirectory, path, { flags: OpenFlag.O_RDWR });
  try {
    // The lock is of the open file, which the loop device keeps open.
    awaitLock(image, path, options.waitMs ?? 0);
    const device = attach(image, path);
    try {
      return native().mountDetached('ext4', `/proc/self/fd/${device}`, mountOptions);
    } finally {
      closeFd(device);
    }
  } finally {
    closeFd(image);
  }
}

/** Nothing tells when a lock can be had but waiting in the kernel without a bound: so it is asked for again. */
function awaitLock(image: number, path: string, waitMs: number): void {
  const started = performance.now();
  while (!lockFile(image, 'exclusive')) {
    if (performance.now() - started >= waitMs)
      throw new DiskImageError(
        'ERR_DISK_IMAGE_IN_USE',
        path,
        `mounted already, also after ${waitMs} ms; stop what uses it`,
      );
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs);
  }
}

function attach(image: number, path: string): number {
  try {
    return native().attachLoop(image);
  } catch (error) {
    if (!(error instanceof LinuxError) || error.syscall !== 'open') throw error;
    const seen = `no loop device (${error.detail}: ${error.code}); a container needs /dev/loop-control and /dev/loop* of its host, the host its module loop`;
    throw new DiskImageError('ERR_NO_LOOP_DEVICE', path, seen, { cause: error });
  }
}
