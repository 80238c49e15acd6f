import { closeFd, duplicateFd, type FileOwner, releaseFd } from '@hatchery/linux';
import { type ChrootEntry, describeEntry } from './chroot-entry.ts';
import { ChrootPath } from './chroot-path.ts';
import { writeAll } from './file-bytes.ts';
import type { HeldRoot } from './held-root.ts';
import { type OpenedTarget, openTarget } from './open-target.ts';
import { removeUnfinished } from './remove-unfinished.ts';

export interface TargetRequest {
  readonly path: string;
  readonly mode: number | null;
  readonly owner: FileOwner | null;
  readonly append: boolean;
  readonly takeOver: boolean;
  readonly removeUnfinished: boolean;
}

/** Writes a file in one go. */
export function write(root: HeldRoot, request: TargetRequest & { readonly bytes: Uint8Array }): ChrootEntry {
  const { path, fd, isNew } = open(root, request);
  try {
    writeAll(fd, request.bytes, path.shown);
    return describeEntry(root, fd, '', path);
  } catch (error) {
    if (isNew && request.removeUnfinished) removeUnfinished(root, fd, path);
    throw error;
  } finally {
    closeFd(fd);
  }
}

export interface Writing {
  readonly file: number;
  /** A descriptor of the same open file, the caller's, where he asked for one; else null. */
  readonly lent: number | null;
  /** Made by this call. */
  readonly isNew: boolean;
}

/** Opens a file for `writeChunk` and `closeWriting`, or for somebody else who writes into `lent`. */
export function openWriting(root: HeldRoot, request: TargetRequest & { readonly lend: boolean }): Writing {
  const { fd, isNew } = open(root, request);
  const file = root.keepFile(fd);
  try {
    return { file, lent: request.lend ? releaseFd(duplicateFd(fd)) : null, isNew };
  } catch (error) {
    root.closeFile(file);
    throw error;
  }
}

export interface WriteChunk {
  readonly file: number;
  readonly path: string;
  readonly bytes: Uint8Array;
}

export function writeChunk(root: HeldRoot, { file, path, bytes }: WriteChunk): void {
  writeAll(root.file(file), bytes, path);
}

/** Tells what has become of it. */
export function closeWriting(
  root: HeldRoot,
  { file, path }: { readonly file: number; readonly path: string },
): ChrootEntry {
  try {
    return describeEntry(root, root.file(file), '', ChrootPath.parse(path));
  } finally {
    root.closeFile(file);
  }
}

export interface GivingUp {
  readonly file: number;
  readonly path: string;
  /** The name of a file that is not whole is to go. */
  readonly remove: boolean;
}

/** Lets go of a file whose writing failed. */
export function giveUpWriting(root: HeldRoot, { file, path, remove }: GivingUp): void {
  try {
    if (remove) removeUnfinished(root, root.file(file), ChrootPath.parse(path));
  } finally {
    root.closeFile(file);
  }
}

function open(root: HeldRoot, request: TargetRequest): OpenedTarget & { readonly path: ChrootPath } {
  const path = ChrootPath.parse(request.path);
  const { mode, append, takeOver } = request;
  return { path, ...openTarget(root, { path, mode, append, takeOver, owner: request.owner ?? root.owner }) };
}
