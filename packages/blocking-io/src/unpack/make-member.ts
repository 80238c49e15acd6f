import { constants, fchmodSync } from 'node:fs';
import {
  type FileOwner,
  linkAs,
  makeDirectoryAs,
  makeSymlinkAs,
  OpenFlag,
  openAs,
  removeTreePart,
  setAttribute,
  setModified,
  statEntry,
} from '@hatchery/linux';
import { asLinuxError } from '../chroot/file-bytes.ts';
import { invalid, refused } from '../tar/archive-fault.ts';
import { quoteName, type TarEntry } from '../tar/tar-entry.ts';
import type { MadeFiles } from './made-files.ts';
import { MemberPath } from './member-path.ts';
import { setDirectoryMode } from './staging.ts';
import { hasCode, holdBelow, openDirectoryBelow, STRICT } from './strict-open.ts';

/** Where an entry is made, and whose it is. */
export interface Place {
  readonly parentFd: number;
  readonly name: Buffer;
  readonly owner: FileOwner;
}

/** The permissions that an archive can give: set-id bits would run its programs with somebody else's rights. */
const MODE_BITS = 0o1777;
const PRIVATE_MODE = 0o600;
const MAX_TARGET_BYTES = 4095;

/** Opens a new file for its content. What had its name in this archive before makes room. */
export function openFile({ parentFd, name, owner }: Place, made: MadeFiles): number {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = OpenFlag;
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  const open = (): number => openAs(owner, parentFd, name, { flags, mode: PRIVATE_MODE, resolve: STRICT });
  const fd = inPlaceOf({ parentFd, name }, made, open);
  made.add(fd);
  return fd;
}

/** Gives a file that has its content the rest: the date comes last, because everything else changes it. */
export function finishFile(fd: number, { parentFd, name }: Place, entry: TarEntry): void {
  setAttributes(fd, entry);
  asLinuxError('fchmod', quoteName(name), () => fchmodSync(fd, entry.mode & MODE_BITS));
  setModified(parentFd, name, entry.modifiedNs);
}

/** Its date is set when nothing comes into it any more. */
export function makeDirectory({ parentFd, name, owner }: Place, entry: TarEntry): void {
  try {
    makeDirectoryAs(owner, parentFd, name, entry.mode & MODE_BITS);
  } catch (error) {
    // Told twice, or made before for something in it: then only its mode is new.
    if (!hasCode(error, 'EEXIST')) throw error;
    if (!isDirectory(parentFd, name)) throw refused('a directory in place of an entry of the same name');
  }
  setDirectoryMode(parentFd, name, entry.mode & MODE_BITS);
  if (entry.attributes.length === 0) return;
  using opened = openDirectoryBelow(parentFd, MemberPath.root.child(name), 'path');
  setAttributes(opened.fd, entry);
}

export function makeSymlink({ parentFd, name, owner }: Place, entry: TarEntry, made: MadeFiles): void {
  const target = entry.linkTarget;
  if (target.length === 0 || target.length > MAX_TARGET_BYTES)
    throw invalid(`a symlink with a target of ${target.length} bytes`);
  // Whatever it says: it is followed by nobody here, and by programs inside only within their root.
  inPlaceOf({ parentFd, name }, made, () => makeSymlinkAs(owner, target, parentFd, name));
  setModified(parentFd, name, entry.modifiedNs);
}

/** One more name of a file that came before in this archive. */
export function makeHardLink(
  stagingFd: number,
  { parentFd, name, owner }: Place,
  entry: TarEntry,
  made: MadeFiles,
): void {
  const target = MemberPath.parse(entry.linkTarget, 'the target of the hard link');
  using held = holdTarget(stagingFd, target);
  if (!made.has(held.fd)) throw notMadeHere();
  // To itself: to make room would remove it.
  if (target.equals(MemberPath.parse(entry.name, 'its name'))) return;
  inPlaceOf({ parentFd, name }, made, () => linkAs(owner, held.fd, parentFd, name));
}

function holdTarget(stagingFd: number, target: MemberPath): ReturnType<typeof holdBelow> {
  try {
    return holdBelow(stagingFd, target);
  } catch (error) {
    throw hasCode(error, 'ENOENT') ? notMadeHere() : error;
  }
}

function notMadeHere(): Error {
  return refused('a hard link to what is no regular file that came before in this archive');
}

/** Makes an entry; another one of its name goes first, as long as it is no directory. */
function inPlaceOf<T>({ parentFd, name }: Pick<Place, 'parentFd' | 'name'>, made: MadeFiles, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
  {
    using held = holdBelow(parentFd, MemberPath.root.child(name));
    if (isDirectory(held.fd, '')) throw refused('an entry in place of a directory of the same name');
    made.unlink(held.fd);
  }
  // No more than this one: by now it may be a tree that somebody goes on to fill.
  removeTreePart(parentFd, name, 1);
  return make();
}

function isDirectory(fd: number, name: Buffer | ''): boolean {
  return (statEntry(fd, name).mode & constants.S_IFMT) === constants.S_IFDIR;
}

const USER_PREFIX = Buffer.from('user.');

/**
 * Those of `user.` alone: `security.` gives rights, `trusted.` and `system.` are the host's. A filesystem that keeps none
 * does without.
 */
function setAttributes(fd: number, { attributes }: TarEntry): void {
  for (const { name, value } of attributes) {
    if (!name.subarray(0, USER_PREFIX.length).equals(USER_PREFIX)) continue;
    try {
      setAttribute(fd, name, value);
    } catch (error) {
      if (!hasCode(error, 'ENOTSUP')) throw error;
    }
  }
}
