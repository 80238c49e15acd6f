import { closeFd, duplicateFd, type FileOwner, releaseFd } from '@hatchery/linux';
import { type ChrootEntry, describeEntry } from './chroot-entry.ts';
import { ChrootPath } from './chroot-path.ts';
import { writeAll } from './file-bytes.ts';
import type { HeldRoot } from './held-root.ts';
import { openTarget } from './open-target.ts';

export interface TargetRequest {
  readonly path: string;
  readonly mode: number | null;
  readonly owner: FileOwner | null;
  readonly append: boolean;
}

/** Writes a file in one go. */
export function write(root: HeldRoot, request: TargetRequest & { readonly bytes: Uint8Array }): ChrootEntry {
  const { path, fd } = open(root, request);
  try {
    writeAll(fd, request.bytes, path.shown);
    return describeEntry(root, fd, '', path);
  } finally {
    closeFd(fd);
  }
}

export interface Writing {
  readonly file: number;
  /** A descriptor of the same open file, the caller's, where he asked for one; else null. */
  readonly lent: number | null;
}

/** Opens a file for `writeChunk` and `closeWriting`, or for somebody else who writes into `lent`. */
export function openWriting(root: HeldRoot, request: TargetRequest & { readonly lend: boolean }): Writing {
  const { fd } = open(root, request);
  const file = root.keepFile(fd);
  try {
    return { file, lent: request.lend ? releaseFd(duplicateFd(fd)) : null };
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

function open(root: HeldRoot, request: TargetRequest): { readonly path: ChrootPath; readonly fd: number } {
  const path = ChrootPath.parse(request.path);
  const { mode, append } = request;
  return { path, fd: openTarget(root, { path, mode, append, owner: request.owner ?? root.owner }) };
}
