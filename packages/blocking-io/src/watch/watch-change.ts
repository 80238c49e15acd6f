import { type ThrownData, thrownAsData, thrownFromData } from '../error-as-data.ts';

/** One thing that changed below a watched path. Names are those of `decodeFileName`. */
export interface ChrootChange {
  /**
   * - `create`: the entry came to be, by being made, linked or moved in from where nothing is watched.
   * - `write`: the content of a file changed, or a program that had opened it for writing closed it.
   * - `remove`: the entry is gone, by being removed or moved out. Of a directory: with all that was in it.
   * - `rename`: the entry was `from` and is `path` now, in place of what was there. Of a directory: with all that is in it.
   * - `chmod`: mode, owner, times or extended attributes changed.
   * - `overflow`: changes below `path` were not told; list it again. At a directory for which there were no watches left,
   *   none will be.
   */
  readonly type: 'create' | 'write' | 'remove' | 'rename' | 'chmod' | 'overflow';
  /** Absolute in the root, and below the watched path as that was given. */
  readonly path: string;
  /** Of `rename` only. */
  readonly from?: string;
}

/** JSON keeps a surrogate that stands for a byte (as an escape), which UTF-8 would not. */
export function changeAsMessage({ type, path, from }: ChrootChange): Buffer {
  return Buffer.from(JSON.stringify({ type, path, from }));
}

/** What ends a watch that cannot go on. */
export function errorAsMessage(error: unknown): Buffer {
  return Buffer.from(JSON.stringify({ failed: thrownAsData(error) }));
}

/** The change, or throws the error that the message is. */
export function changeFromMessage(message: Uint8Array): ChrootChange {
  const data = JSON.parse(Buffer.from(message.buffer, message.byteOffset, message.length).toString()) as
    | ChrootChange
    | { readonly failed: ThrownData };
  if ('failed' in data) throw thrownFromData(data.failed);
  return data;
}
