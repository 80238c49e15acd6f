import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readFileSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { DiskImageError } from './disk-image-error.ts';
import { closeFd } from './fd-registry.ts';
import { createMemfd } from './memfd.ts';
import { native } from './native-binding.ts';
import { currentDirectory, OpenFlag, openat2 } from './openat2.ts';
import { reap } from './pidfd.ts';
import { spawnIsolated } from './spawn-isolated.ts';

/** Where Debian and the others have it, whatever the caller's PATH. */
const places = ['/usr/sbin/mkfs.ext4', '/sbin/mkfs.ext4', '/usr/local/sbin/mkfs.ext4'];

/**
 * All of its size for the sandbox (no reserve for root), blocks of 4 KiB at every size, and nothing written that is zero
 * in a new file anyway: an image of 10 GiB starts with 4 MiB on disk.
 */
const mkfsOptions = ['-q', '-F', '-b', '4096', '-m', '0', '-E', 'lazy_itable_init=1,lazy_journal_init=1,nodiscard'];

/** The image is descriptor 3 of the child. */
const imageInChild = '/proc/self/fd/3';

/** With what an image is made. */
export interface MakeDiskImageOptions {
  /** Of mkfs.ext4, for those who have it elsewhere. */
  readonly mkfs?: string;
}

/**
 * Makes a file of exactly `bytes` that holds an empty ext4, sparse, for `mountDiskImage`; mode 0600. It and its name are on
 * disk when this returns. Blocks while mkfs.ext4 runs (10 to 100 ms) and for two fsyncs: call it in a worker.
 *
 * Throws DiskImageError (ERR_MKFS_MISSING; ERR_MKFS_FAILED with what it said: too small, no space) or the error of
 * `node:fs` (EEXIST, ENOSPC, …); no file is left then.
 */
export function makeDiskImage(path: string, bytes: number, options: MakeDiskImageOptions = {}): void {
  if (!Number.isSafeInteger(bytes) || bytes <= 0)
    throw new RangeError(`an image of ${bytes} bytes: a positive integer, please`);
  const mkfs = options.mkfs ?? places.find((place) => existsSync(place));
  if (mkfs === undefined || !existsSync(mkfs)) {
    const seen = `no ${options.mkfs ?? places.join(', ')}: a file system on disk is made by mkfs.ext4 (Debian: apt-get install e2fsprogs)`;
    throw new DiskImageError('ERR_MKFS_MISSING', path, seen);
  }
  const image = openSync(path, 'wx+', 0o600);
  try {
    ftruncateSync(image, bytes);
    format(mkfs, image, path);
    fsyncSync(image);
    syncDirectory(dirname(path));
  } catch (error) {
    unlinkSync(path);
    throw error;
  } finally {
    closeSync(image);
  }
}

function format(mkfs: string, image: number, path: string): void {
  const executableFd = openat2(currentDirectory, mkfs, { flags: OpenFlag.O_RDONLY });
  const nothing = openSync('/dev/null', 'r+');
  const said = createMemfd('mkfs.ext4');
  let pidfd = -1;
  try {
    // Not child_process: its fork copies this process's page tables.
    const argv = ['mkfs.ext4', ...mkfsOptions, imageInChild];
    ({ pidfd } = spawnIsolated({ executableFd, argv, fds: [nothing, said, said, image] }));
    native().awaitExit(pidfd);
    const status = reap(pidfd);
    if (status?.code === 0) return;
    const end = status === null ? 'was reaped elsewhere' : `ended with ${status.code ?? `signal ${status.signal}`}`;
    const text = readFileSync(`/proc/self/fd/${said}`, 'utf8')
      .replaceAll(imageInChild, path)
      .trim()
      .replaceAll(/\s*\n\s*/g, '; ');
    throw new DiskImageError('ERR_MKFS_FAILED', path, `${mkfs} ${end}: ${text}`);
  } finally {
    for (const fd of [executableFd, said, pidfd]) if (fd >= 0) closeFd(fd);
    closeSync(nothing);
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
