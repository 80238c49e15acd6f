import type { Readable } from 'node:stream';
import type { FileOwner } from '@hatchery/linux';
import type { BlockingPool } from '../blocking-pool.ts';
import { type PackOptions, type PackStream, packStream } from '../pack/pack-stream.ts';
import type { CallOptions } from '../pool-options.ts';
import { type UnpackContext, type UnpackOptions, unpackArchive } from '../unpack/unpack-archive.ts';
import type { UnpackResult } from '../unpack/unpack-methods.ts';
import { ChrootWatch, type ChrootWatchOptions } from '../watch/chroot-watch.ts';
import { checkAttribute, checkAttributePrefix, checkCount, checkMode } from './check-options.ts';
import type { ChrootEntry } from './chroot-entry.ts';
import type { ChrootHandle } from './chroot-handle.ts';
import { ContentSource, type FileContent } from './content-source.ts';
import { contentStream } from './content-stream.ts';
import type { FileWriter } from './file-writer.ts';
import { removeWhole } from './remove-whole.ts';
import { writeContent } from './write-content.ts';

/** How much to read, and from where. */
export interface ReadOptions extends CallOptions {
  /** Default 0. */
  readonly offset?: number | undefined;
  /** Default: to the end. */
  readonly length?: number | undefined;
  /** More bytes than this are an error. Default 64 MiB. */
  readonly maxBytes?: number | undefined;
}

/** Which part of a file to stream. */
export interface StreamOptions {
  /** Where to begin, in bytes. Default 0. */
  readonly offset?: number | undefined;
  /** How many bytes. Default: to the end. */
  readonly length?: number | undefined;
  /** Destroys the stream with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What a thing that is made is to be like. */
export interface MakeOptions extends CallOptions {
  /** Permissions; set-id bits are taken away. The process's umask does not count. */
  readonly mode?: number | undefined;
  /** Whom what is made belongs to. Default: the chroot's `owner`. */
  readonly owner?: FileOwner | undefined;
}

/** How content gets into a file. */
export interface WriteOptions extends MakeOptions {
  /** Adds to what is there, instead of replacing it. */
  readonly append?: boolean | undefined;
  /** Gives an old file to `owner`, too. */
  readonly takeOver?: boolean | undefined;
  /** Removes a new file again whose writing fails, if it is still there under its name. */
  readonly removeUnfinished?: boolean | undefined;
}

export interface StatOptions extends CallOptions {
  /** Tells `details`, with the extended attributes whose names begin so: `user.`, or more. Default: no details. */
  readonly details?: string | undefined;
}

/** Which page of a list, and of which depth. */
export interface ListOptions extends StatOptions {
  /** How far down; 1, the default, is the entries of the directory itself. */
  readonly depth?: number | undefined;
  /** The `path` of the last entry of the page before. */
  readonly after?: string | undefined;
  /** From 1 to 10,000, default 1000. */
  readonly limit?: number | undefined;
}

const MAX_PACKED_ENTRIES = 1_000_000;
const MAX_READ_BYTES = 64 * 2 ** 20;
const DIRECTORY_MODE = 0o755;

/**
 * The files below a root that somebody hostile may live in. No path leads out of it, however it is swapped meanwhile, and nothing
 * in it makes a call wait: only regular files have content here. Paths are absolute or not, and begin at the root
 * either way; a byte in them that is no UTF-8 is written as `decodeFileName` of `@hatchery/linux` does.
 *
 * Every method rejects with `LinuxError` (ENOENT, ENOTDIR, ELOOP, ENOSPC, …), ChrootError and PoolError, and with the
 * signal's reason. A chroot whose worker thread is lost is `closed`: open another one. Close it.
 */
export class Chroot implements AsyncDisposable {
  readonly #handle: ChrootHandle;
  readonly #writer: FileWriter | null;
  readonly #pool: Pick<BlockingPool, 'run'>;
  /** Each cleans up behind itself, which a close waits for. */
  readonly #unpacks = new Set<Promise<unknown>>();

  /** For `openChroot()` alone. */
  constructor(handle: ChrootHandle, writer: FileWriter | null, pool: Pick<BlockingPool, 'run'>) {
    this.#handle = handle;
    this.#writer = writer;
    this.#pool = pool;
  }

  /** Whether it was closed, or its thread is gone. */
  get closed(): boolean {
    return this.#handle.closed;
  }

  /** What is there; a symlink at the end of the path is told as one. */
  async stat(path: string, options: StatOptions = {}): Promise<ChrootEntry> {
    return await this.#handle.call('stat', { path, details: detailsOf(path, options) }, options);
  }

  /** Whether anything has that name, a dangling symlink too. */
  async exists(path: string, options: CallOptions = {}): Promise<boolean> {
    return (await this.#handle.call('statOrNull', { path }, options)) !== null;
  }

  /**
   * The bytes of a regular file, whatever size it claims. ChrootError `ERR_NOT_A_FILE` at once for anything else,
   * `ERR_FILE_BUSY` for a file under lease, `ERR_FILE_TOO_LARGE` beyond `maxBytes`.
   */
  async read(path: string, options: ReadOptions = {}): Promise<Buffer> {
    const { offset = 0, length, maxBytes = MAX_READ_BYTES } = options;
    checkRange(path, offset, length);
    checkCount(path, 'maxBytes', maxBytes, 0);
    const request = { path, offset, length: length ?? null, maxBytes };
    const bytes = await this.#handle.call('read', request, options);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The same of any length, in chunks of 256 KiB, read when they are wanted. Errors are the stream's. */
  readStream(path: string, options: StreamOptions = {}): Readable {
    const { offset = 0, length, signal } = options;
    checkRange(path, offset, length);
    return contentStream(this.#handle, path, { offset, length: length ?? null }, signal);
  }

  /**
   * Writes a regular file, new or in place of what it held, with directories for it. A new one belongs to `owner`; `mode`
   * (default 0o644) is also given to an old one, which keeps its own where it is left out, without set-id bits. A stream is
   * read as fast as it is written; it is destroyed when that fails, and its own error is thrown as it is. What was written
   * until then stays, unless `removeUnfinished` is given.
   */
  async write(path: string, data: FileContent, options: WriteOptions = {}): Promise<ChrootEntry> {
    const { mode, owner = null, append = false, takeOver = false, removeUnfinished = false } = options;
    checkMode(path, mode);
    const request = { path, mode: mode ?? null, owner, append, takeOver, removeUnfinished };
    return await writeContent(this.#handle, this.#writer, request, new ContentSource(data, path), options);
  }

  /**
   * A page of what is in a directory: directories before what is in them, the entries of one directory by the bytes of their
   * names. What vanishes meanwhile is left out. Symlinks are not followed; a directory whose path is over 4 KiB long is told
   * and not entered. Each page reads every directory that it is in once.
   */
  async list(path: string, options: ListOptions = {}): Promise<ChrootEntry[]> {
    const { depth = 1, after, limit = 1000 } = options;
    checkCount(path, 'depth', depth, 1);
    checkCount(path, 'limit', limit, 1, 10_000);
    const details = detailsOf(path, options);
    return await this.#handle.call('list', { path, depth, after: after ?? null, limit, details }, options);
  }

  /** Makes a directory (mode 0o755) and what is missing above it; one that is there stays as it is. */
  async makeDirectory(path: string, options: MakeOptions = {}): Promise<ChrootEntry> {
    const { mode = DIRECTORY_MODE, owner = null } = options;
    checkMode(path, mode);
    return await this.#handle.call('makeDirectory', { path, mode: mode & 0o1777, owner }, options);
  }

  /** Moves an entry, in place of what is at `to`. LinuxError EXDEV between two filesystems. */
  async rename(from: string, to: string, options: CallOptions = {}): Promise<ChrootEntry> {
    return await this.#handle.call('rename', { from, to }, options);
  }

  /**
   * Removes an entry with everything in it; one that is missing is fine. ChrootError `ERR_FILE_BUSY` at a mount, and when
   * somebody fills it as fast as it is emptied. An aborted one has removed some of it.
   */
  async remove(path: string, options: CallOptions = {}): Promise<void> {
    await removeWhole(this.#handle, path, options);
  }

  /** The extended attributes `user.*` of a file or directory, a symlink followed; names with `user.`. More than 1 MiB of them is ERR_FILE_TOO_LARGE. */
  async attributes(path: string, options: CallOptions = {}): Promise<Record<string, Uint8Array>> {
    return Object.fromEntries(await this.#handle.call('attributes', { path }, options));
  }

  /** Sets an attribute `user.*`; null removes it, where it is there. */
  async setAttribute(path: string, name: string, value: Uint8Array | null, options: CallOptions = {}): Promise<void> {
    checkAttribute(path, name);
    await this.#handle.call('setOneAttribute', { path, name, value }, options);
  }

  /**
   * Tells what changes in a directory, or to a file, from the call on (`ready`: from then on in every directory below,
   * too). No symlink below the path is followed. Errors, ChrootError `ERR_FILE_ARGUMENT` excepted, are those of the
   * iteration.
   */
  watch(path: string, options: ChrootWatchOptions = {}): ChrootWatch {
    const { recursive = false, maxDirectories = 8192, signal } = options;
    checkCount(path, 'maxDirectories', maxDirectories, 1, 65_536);
    return new ChrootWatch(async ({ channel }) => {
      const watch = await this.#handle.call('openWatch', { path, recursive, maxDirectories, sender: { channel } });
      return {
        onEnd: (listener) => this.#handle.onEnd(listener),
        close: () => this.#handle.call('closeWatch', { watch }),
      };
    }, signal);
  }

  /**
   * A tar archive of what is in a directory, or of the one file or symlink that the path names: names as bytes, numeric
   * owners, dates to the nanosecond, attributes `user.*`, hard links within the tree. No symlink is followed and no mount
   * entered; FIFOs, sockets, devices and mounts are left out, and a file that shrinks while it is read is filled up with
   * zeros: `summary` tells of each once the stream has ended. Errors are the stream's: ArchiveError `ERR_ARCHIVE_LIMIT` (also over 512 KiB of attributes of one entry) and
   * `ERR_ARCHIVE_REFUSED` (a path over 4095 bytes), ChrootError `ERR_NOT_A_FILE` and `ERR_FILE_BUSY`.
   */
  pack(path: string, options: PackOptions = {}): PackStream {
    const { maxEntries = MAX_PACKED_ENTRIES, topEntry = false, followTop = false, signal } = options;
    checkCount(path, 'maxEntries', maxEntries, 1);
    return packStream(this.#handle, { path, maxEntries, topEntry, followTop }, signal);
  }

  /**
   * Unpacks a tar archive into a directory that is there, all of it or nothing: entries are made in a hidden directory in
   * there and moved to their place when the archive is at its end. Directories that are there stay as they are and get what
   * is new; a file or symlink that is there is replaced. Set-id bits and attributes other than `user.*` are taken away. The
   * source is destroyed at the end.
   *
   * Rejects with ArchiveError: `ERR_ARCHIVE_INVALID`, `ERR_ARCHIVE_REFUSED` (devices, FIFOs, sparse files; absolute names,
   * `..`; a way through a symlink or into a mount; a hard link to what did not come before in the archive; a directory in
   * place of a file or a file in place of a directory; an owner above 65,535 where the ids are a sandbox's),
   * `ERR_ARCHIVE_LIMIT`; with the source's own error; and with the signal's reason, once everything is removed again.
   */
  async unpack(path: string, source: Readable, options: UnpackOptions = {}): Promise<UnpackResult> {
    const context: UnpackContext = {
      pool: this.#pool,
      handle: this.#handle,
      writer: this.#writer,
    };
    const unpacking = unpackArchive(context, path, source, options);
    this.#unpacks.add(unpacking);
    try {
      return await unpacking;
    } finally {
      this.#unpacks.delete(unpacking);
    }
  }

  /** Lets go of the root. Streams and watches that are open fail, and unpacks that run are undone first. Idempotent. */
  async close(): Promise<void> {
    const unpacks = [...this.#unpacks];
    await this.#handle.close();
    await Promise.allSettled(unpacks);
  }

  /** The same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Throws ChrootError `ERR_FILE_ARGUMENT`. */
function detailsOf(path: string, { details }: StatOptions): string | null {
  if (details !== undefined) checkAttributePrefix(path, details);
  return details ?? null;
}

function checkRange(path: string, offset: number, length: number | undefined): void {
  checkCount(path, 'offset', offset, 0);
  if (length !== undefined) checkCount(path, 'length', length, 0);
}
