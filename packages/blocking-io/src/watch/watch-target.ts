import { closeFd, decodeFileName, OpenFlag, openat2 } from '@hatchery/linux';
import type { ChrootPath } from '../chroot/chroot-path.ts';
import { IN_ROOT } from '../chroot/walk.ts';

/** What a watch is on. */
export interface WatchTarget {
  /** O_PATH descriptor of the watched directory, or of the one that the watched file is in. */
  readonly fd: number;
  /** Path of that directory, absolute in the root. */
  readonly base: string;
  /** The one entry that is watched; null: all. */
  readonly only: string | null;
}

const DIRECTORY = OpenFlag.O_PATH | OpenFlag.O_DIRECTORY;

/**
 * Opens what a path in a root leads to, over symlinks of the root too. Anything but a directory is watched through its
 * directory: it is not opened itself, so that no FIFO or device can make anybody wait. Throws `LinuxError`: ENOENT, ELOOP.
 */
export function openWatchTarget(root: number, path: ChrootPath): WatchTarget {
  try {
    return { fd: openat2(root, path.bytes, { flags: DIRECTORY, resolve: IN_ROOT }), base: path.shown, only: null };
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOTDIR')) throw error;
  }
  const name = path.entryName;
  const fd = openat2(root, path.parent.bytes, { flags: DIRECTORY, resolve: IN_ROOT });
  try {
    closeFd(openat2(fd, name, { flags: OpenFlag.O_PATH | OpenFlag.O_NOFOLLOW, resolve: IN_ROOT }));
    return { fd, base: path.parent.shown, only: decodeFileName(name) };
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}
