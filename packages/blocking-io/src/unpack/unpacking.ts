import { fstatSync } from 'node:fs';
import { closeFd, duplicateFd, type FileOwner, releaseFd, setModified } from '@hatchery/linux';
import { writeAll } from '../chroot/file-bytes.ts';
import { ArchiveFault, refused } from '../tar/archive-fault.ts';
import { quoteName, type TarEntry, type TarEntryRead } from '../tar/tar-entry.ts';
import { TarReader } from '../tar/tar-reader.ts';
import { MadeFiles } from './made-files.ts';
import { finishFile, makeDirectory, makeHardLink, makeSymlink, openFile, type Place } from './make-member.ts';
import { MemberPath } from './member-path.ts';
import type { Staging } from './staging.ts';
import { telling } from './telling.ts';
import type { CompiledLimits } from './unpack-limits.ts';

export interface UnpackingOptions {
  readonly limits: Omit<CompiledLimits, 'ratio'>;
  /** Of an entry, by the ids that the archive has for it; null when it has some that nobody here can have. */
  readonly ownerOf: (uid: number, gid: number) => FileOwner | null;
  /** Files of more bytes than this are written by somebody else. */
  readonly writesUpTo: number;
}

/** The thread has other handles, and each name of 4 KiB may mean two thousand directories. */
const TURN_MS = 20;

export interface Taken {
  /** How many of the bytes are read; the others are to be given again. */
  readonly consumed: number;
  /** A file whose content follows and that somebody else has to write: a descriptor for him, which he closes. */
  readonly content: { readonly target: number; readonly bytes: number } | null;
}

interface OpenFile {
  readonly fd: number;
  readonly place: Place;
  readonly entry: TarEntry;
  remaining: number;
}

/** Makes the entries of an archive in a staging directory, while it comes in. */
export class Unpacking implements Disposable {
  entries = 0;
  /** Of content. */
  bytes = 0;
  readonly #staging: Staging;
  readonly #options: UnpackingOptions;
  readonly #reader = new TarReader();
  readonly #made = new MadeFiles();
  #file: OpenFile | null = null;
  /** Directories that may still get entries, each in the one before it: their dates are set when they are left. */
  readonly #directories: { readonly path: MemberPath; readonly modifiedNs: bigint }[] = [];

  constructor(staging: Staging, options: UnpackingOptions) {
    this.#staging = staging;
    this.#options = options;
  }

  /** Throws `ArchiveError`, and `LinuxError` for what the filesystem refuses. */
  take(bytes: Uint8Array): Taken {
    const until = performance.now() + TURN_MS;
    this.#reader.push(bytes);
    for (let event = this.#reader.next(); event !== null; event = this.#reader.next()) {
      if (event.type === 'content') {
        this.#write(event.bytes);
        continue;
      }
      const { entry } = event;
      telling(quoteName(entry.name), entry.offset, () => this.#begin(entry));
      if (this.#file !== null && entry.size > this.#options.writesUpTo) {
        const target = releaseFd(duplicateFd(this.#file.fd));
        return { consumed: this.#reader.consumed, content: { target, bytes: entry.size } };
      }
      if (performance.now() > until) break;
    }
    telling(null, this.#reader.offset, () => this.#checkBytes(this.#reader.offset));
    return { consumed: this.#reader.consumed, content: null };
  }

  /** Somebody else has written so much of the content of the last file: all there is, or the archive ends with it. */
  contentWritten(bytes: number): void {
    this.#reader.leaveContent(bytes);
    this.#wrote(bytes);
  }

  /** The archive is at its end; throws when it should not be. */
  end(): void {
    this.#reader.end();
    telling(null, this.#reader.offset, () => this.#leaveDirectories(MemberPath.root));
    this.#staging.leaveParent();
  }

  [Symbol.dispose](): void {
    if (this.#file !== null) closeFd(this.#file.fd);
    this.#file = null;
    this.#staging[Symbol.dispose]();
  }

  #begin(entry: TarEntryRead): void {
    this.#count(1);
    const { limits } = this.#options;
    if (entry.size > limits.fileBytes) throw overLimit(`its ${entry.size} bytes are more than limits.fileBytes`);
    this.#checkBytes(this.#reader.offset + entry.size);
    const path = MemberPath.parse(entry.name, 'its name');
    if (path.isRoot && entry.type !== 'directory')
      throw refused('an entry in place of the directory that is unpacked into');
    this.#leaveDirectories(path);
    // The directory that is unpacked into is none of the archive's: it stays as it is.
    if (!path.isRoot) this.#make(path, entry);
  }

  #make(path: MemberPath, entry: TarEntry): void {
    const owner = this.#options.ownerOf(entry.uid, entry.gid);
    if (owner === null) throw refused(`its owner ${entry.uid}:${entry.gid} is none that a sandbox has`);
    const parentFd = this.#staging.parentOf(path, (count) => this.#count(count));
    const place = { parentFd, name: path.name, owner };
    this.#keepDateOf(path.parent, parentFd);
    if (entry.type === 'file') this.#startFile(place, entry);
    else if (entry.type === 'directory') {
      makeDirectory(place, entry);
      this.#directories.push({ path, modifiedNs: entry.modifiedNs });
    } else if (entry.type === 'symlink') makeSymlink(place, entry, this.#made);
    else if (entry.type === 'hardlink') makeHardLink(this.#staging.fd, place, entry, this.#made);
    else throw refused(`a ${entry.type} is not unpacked`);
  }

  #startFile(place: Place, entry: TarEntry): void {
    this.#file = { fd: openFile(place, this.#made), place, entry, remaining: entry.size };
    if (entry.size === 0) this.#finishFile();
  }

  #write(bytes: Buffer): void {
    const file = this.#file;
    if (file === null) throw new Error('content without a file');
    writeAll(file.fd, bytes, quoteName(file.entry.name));
    this.#wrote(bytes.length);
  }

  #wrote(bytes: number): void {
    if (this.#file === null) return;
    this.bytes += bytes;
    this.#file.remaining -= bytes;
    if (this.#file.remaining === 0) this.#finishFile();
  }

  #finishFile(): void {
    const file = this.#file;
    if (file === null) return;
    this.#file = null;
    try {
      finishFile(file.fd, file.place, file.entry);
    } finally {
      closeFd(file.fd);
    }
  }

  /** Those that the path is not in. */
  #leaveDirectories(path: MemberPath): void {
    for (let last = this.#directories.at(-1); last !== undefined; last = this.#directories.at(-1)) {
      const again = last.path.equals(path);
      if (!path.isRoot && !again && last.path.contains(path)) return;
      this.#directories.pop();
      // Told once more, and with the date that counts.
      if (again) continue;
      const parentFd = this.#staging.parentOf(last.path, (count) => this.#count(count));
      setModified(parentFd, last.path.name, last.modifiedNs);
    }
  }

  /** Of a directory that was left before, or that is of this archive only by what is in it. */
  #keepDateOf(path: MemberPath, fd: number): void {
    if (path.isRoot || this.#directories.at(-1)?.path.equals(path) === true) return;
    this.#directories.push({ path, modifiedNs: fstatSync(fd, { bigint: true }).mtimeNs });
  }

  #count(made: number): void {
    this.entries += made;
    if (this.entries > this.#options.limits.entries)
      throw overLimit(`more than ${this.#options.limits.entries} entries (limits.entries)`);
  }

  #checkBytes(bytes: number): void {
    const most = this.#options.limits.bytes;
    if (bytes > most) throw overLimit(`the archive is longer than ${most} bytes (limits.bytes)`);
  }
}

function overLimit(text: string): ArchiveFault {
  return new ArchiveFault('ERR_ARCHIVE_LIMIT', text);
}
