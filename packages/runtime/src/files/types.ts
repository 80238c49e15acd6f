import type { Readable } from 'node:stream';
import type { CallOptions } from '../types.ts';

/**
 * A file, directory or anything else with a name, as it is at the time of the call.
 *
 * Names are bytes to Linux and strings here: a byte that is no valid UTF-8 becomes the lone surrogate U+DC00 + byte
 * (Python's surrogateescape), and every call takes it back, so that no name is out of reach.
 */
export interface FileEntry {
  /** The last part of the path; `/` of the root. */
  name: string;
  /** Absolute, inside the sandbox. */
  path: string;
  /** `other`: a FIFO, socket or device, whose content no call here reads or writes. */
  type: 'file' | 'directory' | 'symlink' | 'other';
  /** Bytes. */
  size: number;
  /** Permission bits, e.g. 0o644. */
  mode: number;
  /** Ids inside the sandbox; 65,534: somebody whom it does not know. */
  uid: number;
  /** Of its group, in the same ids as `uid`. */
  gid: number;
  /** When its content last changed. */
  modifiedAt: Date;
  /** Where a symlink points, as it is written there; null: it is none. */
  symlinkTarget: string | null;
  /** Where they were asked for. */
  details?: FileDetails;
}

/** What more there is to tell of an entry. Two or three system calls each. */
export interface FileDetails {
  /** What a symlink leads to in the end, without symlinks in its path; null: it is none, or leads to nothing that is told. */
  target: {
    /** Absolute, inside the sandbox. */
    path: string;
    /** What is there. */
    type: FileEntry['type'];
    /** Its permission bits. */
    mode: number;
  } | null;
  /** Names of the sandbox's own passwd and group; the number where they have none. */
  owner: string;
  /** As `owner`, of the group. */
  group: string;
  /** Of a file or directory, a symlink followed: the extended attributes whose names begin as was asked for, up to 8 KiB. */
  attributes: Record<string, Uint8Array>;
  /** Kept by another machine or by a program (NFS, SMB, FUSE): a watch does not see what they change. */
  isRemote: boolean;
}

/** Something that happened below a watched path. */
export interface FileChange {
  /**
   * `create`: of a directory, followed by all that is in it; a file found there may be written already, and then no
   * `write` follows. `rename`: it came to this path, or went from it. `overflow`: changes were lost because nobody
   * took them fast enough; list what is there now, and go on.
   */
  type: 'create' | 'write' | 'remove' | 'rename' | 'chmod' | 'overflow';
  /** Absolute, inside the sandbox; of an `overflow`: the watched path. */
  path: string;
  /** Of a `rename` within what is watched: where it was before. */
  from?: string;
}

/** What happens at a path, from the call on. Leaving the loop, or `return()`, ends it. */
export interface FileWatch extends AsyncIterableIterator<FileChange, undefined>, AsyncDisposable {
  /** Resolves once nothing can be missed any more; rejects with what refused it, as the first `next()` does. */
  readonly ready: Promise<void>;
}

/** Which part of a file. */
export interface FileRange extends CallOptions {
  /** First byte. Default 0. */
  offset?: number;
  /** At most so many bytes. Default: to the end. */
  length?: number;
}

export interface FileReadOptions extends FileRange {
  /** A longer answer is ERR_FILE_TOO_LARGE. Default 64 MiB, or `length` where that is more. */
  maxBytes?: number;
}

/** Whose the new thing is, and who may do what with it. */
export interface FileMakeOptions extends CallOptions {
  /** Permission bits. Default 0o644 of a file, 0o755 of a directory. Set-id bits are left out. */
  mode?: number;
  /** Name, uid, `uid:gid` or `name:group` of the sandbox's own. Default: the sandbox's user. Relative paths start at that home. */
  user?: string;
}

export interface FileWriteOptions extends FileMakeOptions {
  /** Behind what is there, instead of in its place. Default false. */
  append?: boolean;
  /** A file that is there becomes the user's, too. Default false. */
  takeOver?: boolean;
  /** A new file whose writing fails is removed again, if it is still there under its name. Default false. */
  removeUnfinished?: boolean;
}

export interface FileStatOptions extends CallOptions {
  /** Tells `details` of each entry, with the extended attributes whose names begin so, e.g. `user.`. Default: no details. */
  details?: string;
}

export interface FileResolveOptions extends CallOptions {
  /** Name, uid, `uid:gid` or `name:group` of the sandbox's own. Default: the sandbox's user. */
  user?: string;
}

export interface FileListOptions extends FileStatOptions {
  /** 1 (default): what is in the directory; 2: and what is in its directories, and so on. */
  depth?: number;
  /** The `path` of the last entry of the page before. */
  after?: string;
  /** Entries of this page. Default: all of them, at most 100,000. */
  limit?: number;
}

export interface FileWatchOptions extends CallOptions {
  /** And everything below, directories made later included. Default false. */
  recursive?: boolean;
}

/** What an archive may be and make; beyond it is ERR_ARCHIVE_LIMIT, as soon as its headers say so. */
export interface ArchiveLimits {
  /** Bytes of the archive, expanded. Default 16 GiB. */
  bytes?: number;
  /** With the directories made for them. Default 1,000,000. */
  entries?: number;
  /** Bytes of one file. Default: as `bytes`. */
  fileBytes?: number;
  /** How many times the bytes of a compressed archive it may become, beyond the first 16 MiB. Default 200. */
  ratio?: number;
}

/** Whose what is unpacked is, and how much of it is taken. */
export interface FileExtractOptions extends CallOptions {
  /** Whose all of it is. Default: the sandbox's user. Relative paths start at that home. */
  user?: string;
  /** Each entry is whose the archive says, by number, up to 65,535. Default false. */
  keepOwners?: boolean;
  /** Default: a plain tar stream. */
  compression?: 'gzip';
  /** How large the archive may be. Default: the defaults of each. */
  limits?: ArchiveLimits;
}

/** How an archive is made. */
export interface FileArchiveOptions extends CallOptions {
  /** Of a directory: an entry `./` for it, before all others, so that one with a single file is told from the file. Default false. */
  topEntry?: boolean;
  /** Of a symlink that the path names: what it leads to, under the link's name. Default false. */
  followTop?: boolean;
}

/** What an archive has brought. */
export interface ExtractResult {
  /** Of the archive, and directories that were made for them. */
  entries: number;
  /** Of content. */
  bytes: number;
}

/**
 * The files of a sandbox, while it runs or is paused. Relative paths start at the home of the user; `/` is the sandbox's
 * root, and neither `..` nor a symlink leads out of it. What a call makes belongs to that user, and the bytes written
 * count against the sandbox's limits.
 *
 * Every call throws ERR_SPEC_INVALID for an argument that cannot be, ERR_SANDBOX_STATE when the sandbox neither runs nor
 * is paused or ends meanwhile, ERR_FILE_NOT_FOUND, ERR_FILE_TYPE (a FIFO, device or directory where a file is needed, or
 * the other way round), ERR_FILE_PATH, ERR_FILE_PERMISSION, ERR_FILE_BUSY, ERR_FILE_IO, ERR_USER_NOT_FOUND, ERR_RESOURCES,
 * ERR_ABORTED and ERR_RUNTIME_CLOSED; what some throw besides is told there.
 */
export interface SandboxFiles {
  /** The path as an absolute one, of a user who is there: a relative one starts at that home. Nothing need be at it. */
  resolve(path: string, options?: FileResolveOptions): Promise<string>;
  /** The bytes of a regular file. Throws ERR_FILE_TOO_LARGE when they are more than `maxBytes`. */
  read(path: string, options?: FileReadOptions): Promise<Buffer>;
  /** The same piece by piece, as fast as they are taken. Errors are the stream's; destroying it lets the file go. */
  readStream(path: string, options?: FileRange): Readable;
  /**
   * Makes a file, or replaces the content of one, and makes the directories on the way. A Readable is taken as fast as it
   * can be written, and destroyed when that fails; its own error is thrown as it is. What had been written by then
   * stays, unless `removeUnfinished` is given. Throws ERR_NO_SPACE when the sandbox is full.
   */
  write(path: string, data: Uint8Array | string | Readable, options?: FileWriteOptions): Promise<FileEntry>;
  /** What is at the path; a symlink there is not followed. */
  stat(path: string, options?: FileStatOptions): Promise<FileEntry>;
  /** Whether anything is at the path, be it a symlink that leads nowhere. */
  exists(path: string, options?: CallOptions): Promise<boolean>;
  /**
   * The entries of a directory: directories before what is in them, those of one directory by the bytes of their names.
   * Without `limit` over 100,000 of them are ERR_FILE_TOO_LARGE.
   */
  list(path: string, options?: FileListOptions): Promise<FileEntry[]>;
  /** Makes a directory and those on the way; one that is there is fine. Throws ERR_NO_SPACE. */
  makeDirectory(path: string, options?: FileMakeOptions): Promise<FileEntry>;
  /** Moves it, in the place of a file that is there. Throws ERR_FILE_EXISTS for a directory that is not empty. */
  rename(from: string, to: string, options?: CallOptions): Promise<FileEntry>;
  /** With everything in it; symlinks are not followed, mounts not entered. One that is not there is fine. */
  remove(path: string, options?: CallOptions): Promise<void>;
  /** The extended attributes `user.*`, by their full names. */
  attributes(path: string, options?: CallOptions): Promise<Record<string, Uint8Array>>;
  /** Sets one of the extended attributes `user.*`; null removes it, and one that is not there is fine. Throws ERR_NO_SPACE. */
  setAttribute(path: string, name: string, value: Uint8Array | null, options?: CallOptions): Promise<void>;
  /**
   * What happens there from now on. It ends with the sandbox's run (destroy, stop, close of the runtime); anything else
   * that ends it is an error.
   */
  watch(path: string, options?: FileWatchOptions): FileWatch;
  /**
   * A tar stream of what is in a directory, or of one file: bytes of names, numeric owners, times, hard links, attributes
   * `user.*`. No symlink is followed, except the path's own with `followTop`, and no mount entered; FIFOs, sockets and devices are left out. Errors are the stream's.
   */
  archive(path: string, options?: FileArchiveOptions): Readable;
  /**
   * Unpacks a tar stream into a directory, which is made if need be: all of it or nothing. What is there of the same name is
   * replaced, directories are kept and added to. Throws ERR_ARCHIVE_INVALID, ERR_ARCHIVE_REFUSED (an entry that would leave
   * the directory or goes through a symlink, a device, a FIFO), ERR_ARCHIVE_LIMIT, ERR_NO_SPACE, and the source's own error.
   */
  extract(path: string, source: Readable, options?: FileExtractOptions): Promise<ExtractResult>;
}
