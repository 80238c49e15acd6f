import { closeFd, OpenFlag, statEntry } from '@hatchery/linux';
import { ChrootError } from './chroot-error.ts';
import { ChrootPath } from './chroot-path.ts';
import { readAt } from './file-bytes.ts';
import type { HeldRoot } from './held-root.ts';
import { openContent } from './walk.ts';

const CHUNK_BYTES = 64 * 1024;

export interface ReadRequest {
  readonly path: string;
  readonly offset: number;
  /** Null: to the end. */
  readonly length: number | null;
  readonly maxBytes: number;
}

/** The bytes of a regular file, in memory of their own. */
export function read(root: HeldRoot, request: ReadRequest): Uint8Array {
  const path = ChrootPath.parse(request.path);
  const fd = openContent(root, path, OpenFlag.O_RDONLY);
  try {
    return readRange(fd, path, request);
  } finally {
    closeFd(fd);
  }
}

/** The size is a hint of how much memory to take: a file may grow while it is read, and one of FUSE says anything. */
function readRange(fd: number, path: ChrootPath, { offset, length, maxBytes }: ReadRequest): Uint8Array {
  const wanted = Math.min(length ?? Number.POSITIVE_INFINITY, maxBytes);
  const parts: Uint8Array[] = [];
  let total = 0;
  let room = Math.min(wanted, Math.max(0, statEntry(fd, '').size - offset));
  while (total < wanted) {
    const bytes = new Uint8Array(Math.min(room === 0 ? CHUNK_BYTES : room, wanted - total));
    const count = readAt(fd, bytes, offset + total, path.shown);
    if (count === 0) return joined(parts, total);
    parts.push(count === bytes.length ? bytes : bytes.subarray(0, count));
    total += count;
    room = Math.max(0, room - count);
  }
  const limited = length === null || length > maxBytes;
  if (limited && readAt(fd, new Uint8Array(1), offset + total, path.shown) > 0) {
    const text = `more than ${maxBytes} bytes; read a range of it, as a stream, or with a larger maxBytes`;
    throw new ChrootError('ERR_FILE_TOO_LARGE', path.shown, text);
  }
  return joined(parts, total);
}

/** One array without anything around it, so that it changes threads without a copy. */
function joined(parts: readonly Uint8Array[], total: number): Uint8Array {
  const [first] = parts;
  if (parts.length === 1 && first?.buffer.byteLength === total) return first;
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
