import { OpenFlag } from '@hatchery/linux';
import { ChrootPath } from './chroot-path.ts';
import { readAt } from './file-bytes.ts';
import type { HeldRoot } from './held-root.ts';
import { openContent } from './walk.ts';

/** Opens a regular file for a stream, which closes it. */
export function openReading(root: HeldRoot, { path }: { readonly path: string }): number {
  return root.keepFile(openContent(root, ChrootPath.parse(path), OpenFlag.O_RDONLY));
}

export interface ReadChunk {
  readonly file: number;
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
}

/** Up to `bytes` bytes; none at the end. */
export function readChunk(root: HeldRoot, { file, path, offset, bytes }: ReadChunk): Uint8Array {
  const chunk = new Uint8Array(bytes);
  const count = readAt(root.file(file), chunk, offset, path);
  return count === bytes ? chunk : chunk.slice(0, count);
}

/** Idempotent. */
export function closeReading(root: HeldRoot, { file }: { readonly file: number }): void {
  root.closeFile(file);
}
