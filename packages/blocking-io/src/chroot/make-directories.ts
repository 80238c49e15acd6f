import { fchmodSync } from 'node:fs';
import {
  closeFd,
  type FileOwner,
  LinuxError,
  makeDirectoryAs,
  OpenFlag,
  openat2,
  Resolve,
  statEntry,
} from '@hatchery/linux';
import type { ChrootPath } from './chroot-path.ts';
import { asLinuxError } from './file-bytes.ts';
import type { HeldRoot } from './held-root.ts';
import { isMissing } from './stat.ts';
import { pinDirectory } from './walk.ts';

const PARENT_MODE = 0o755;

/** Makes the directories of a path that are missing, as `owner`, and the path's last one with `mode`. Throws `LinuxError`. */
export function makeDirectories(root: HeldRoot, path: ChrootPath, owner: FileOwner, mode: number = PARENT_MODE): void {
  const { length } = path.parts;
  let there = length;
  // From below: in most cases the last one is there, or the one above it.
  while (there > 0 && !isDirectory(root, path.head(there))) there -= 1;
  for (let count = there + 1; count <= length; count += 1)
    makeOne(root, path.head(count), owner, count === length ? mode : PARENT_MODE);
}

function isDirectory(root: HeldRoot, path: ChrootPath): boolean {
  try {
    pinDirectory(root, path)[Symbol.dispose]();
    return true;
  } catch (error) {
    if (error instanceof LinuxError && error.code === 'ENOENT') return false;
    throw error;
  }
}

function makeOne(root: HeldRoot, path: ChrootPath, owner: FileOwner, mode: number): void {
  // `..` of a directory that has just been made.
  if (path.name === '..') return;
  using parent = pinDirectory(root, path.parent);
  try {
    makeDirectoryAs(owner, parent.fd, path.entryName, mode);
  } catch (error) {
    // Somebody else was faster, or a dangling symlink is there: whoever goes on below finds out.
    if (error instanceof LinuxError && error.code === 'EEXIST') return;
    throw error;
  }
  giveMode(parent.fd, path, owner, mode);
}

/** The umask of the process has no business in a sandbox. */
function giveMode(parent: number, path: ChrootPath, owner: FileOwner, mode: number): void {
  let fd: number;
  try {
    const flags = OpenFlag.O_RDONLY | OpenFlag.O_DIRECTORY | OpenFlag.O_NOFOLLOW;
    fd = openat2(parent, path.entryName, { flags, resolve: Resolve.beneath | Resolve.noXdev });
  } catch (error) {
    // Removed or replaced meanwhile.
    if (isMissing(error) || (error as LinuxError).code === 'ELOOP') return;
    throw error;
  }
  try {
    const facts = statEntry(fd, '');
    // Not what somebody else has put in its place. A set-group-id bit that the parent hands on stays.
    if (facts.uid !== owner.uid || (facts.mode & 0o1777) === mode) return;
    asLinuxError('fchmod', path.shown, () => fchmodSync(fd, mode | (facts.mode & 0o2000)));
  } finally {
    closeFd(fd);
  }
}
