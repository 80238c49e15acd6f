import { constants, fchmodSync, ftruncateSync } from 'node:fs';
import { changeOwner, closeFd, type FileOwner, LinuxError, OpenFlag, openAs, statEntry } from '@hatchery/linux';
import type { ChrootPath } from './chroot-path.ts';
import { asLinuxError } from './file-bytes.ts';
import type { HeldRoot } from './held-root.ts';
import { refuseKernelFile } from './kernel-files.ts';
import { makeDirectories } from './make-directories.ts';
import { IN_ROOT, openContent, refuseOther } from './walk.ts';

export interface Target {
  readonly path: ChrootPath;
  /** Of a new file, and of an old one where it is given; without set-id bits. */
  readonly mode: number | null;
  readonly owner: FileOwner;
  readonly append: boolean;
  /** Gives an old file to `owner`, too. */
  readonly takeOver: boolean;
}

export interface OpenedTarget {
  readonly fd: number;
  /** Made by this call, under the name that was asked for. */
  readonly isNew: boolean;
}

const NEW_MODE = 0o644;
/** How often a file may come and go between two looks. */
const ATTEMPTS = 8;

/**
 * Opens the file that is to be written, empty unless `append` is given: the one that is there, or a new one of `owner`'s,
 * with directories for it. Throws `ChrootError` and `LinuxError`.
 */
export function openTarget(root: HeldRoot, target: Target): OpenedTarget {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return { fd: openOld(root, target), isNew: false };
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
    try {
      const followDangling = attempt > 2;
      return { fd: openNew(root, target, followDangling), isNew: !followDangling };
    } catch (error) {
      // It has come meanwhile. Twice: then it is a symlink to nothing, whose target is made.
      if (!hasCode(error, 'EEXIST') || attempt === ATTEMPTS) throw error;
    }
  }
}

function openOld(root: HeldRoot, { path, mode, append, owner, takeOver }: Target): number {
  const fd = openContent(root, path, OpenFlag.O_WRONLY | (append ? OpenFlag.O_APPEND : 0));
  return orClose(fd, () => {
    // Before the mode: a change of the owner takes bits of it away.
    if (takeOver) giveOwner(fd, owner);
    giveMode(fd, path, mode);
    if (!append) asLinuxError('ftruncate', path.shown, () => ftruncateSync(fd, 0));
  });
}

function openNew(root: HeldRoot, target: Target, followDangling: boolean): number {
  const { path, owner, append } = target;
  path.requireEntry();
  makeDirectories(root, path.parent, owner);
  const { O_WRONLY, O_CREAT, O_EXCL, O_APPEND, O_NONBLOCK, O_NOCTTY } = OpenFlag;
  const flags = O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | (append ? O_APPEND : 0);
  const mode = (target.mode ?? NEW_MODE) & 0o1777;
  const how = { flags: followDangling ? flags : flags | O_EXCL, mode, resolve: IN_ROOT };
  const fd = openAs(owner, root.fd, path.bytes, how);
  return orClose(fd, () => {
    // The link that led to nothing may lead anywhere by now, and opening what is there has changed nothing yet.
    refuseKernelFile(fd, path);
    if (followDangling) refuseOther(fd, path);
    giveMode(fd, path, mode);
  });
}

/** New content under old set-id bits would run with somebody's rights; and the umask has no business in a sandbox. */
function giveMode(fd: number, path: ChrootPath, mode: number | null): void {
  const old = statEntry(fd, '').mode & ~constants.S_IFMT;
  const wanted = (mode ?? old) & 0o1777;
  if (old !== wanted) asLinuxError('fchmod', path.shown, () => fchmodSync(fd, wanted));
}

function giveOwner(fd: number, { uid, gid }: FileOwner): void {
  const old = statEntry(fd, '');
  if (old.uid !== uid || old.gid !== gid) changeOwner(fd, uid, gid);
}

function orClose(fd: number, act: () => void): number {
  try {
    act();
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof LinuxError && error.code === code;
}
