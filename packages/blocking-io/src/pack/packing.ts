import { type BigIntStats, fstatSync } from 'node:fs';
import { currentDirectory, getAttribute, listAttributes, OpenFlag, openat2, readLinkEntry } from '@hatchery/linux';
import { idInside } from '../chroot/chroot-entry.ts';
import { busyError } from '../chroot/chroot-error.ts';
import { readAt } from '../chroot/file-bytes.ts';
import type { HeldRoot } from '../chroot/held-root.ts';
import { OpenFd } from '../chroot/open-fd.ts';
import { ArchiveError } from '../tar/archive-error.ts';
import { quoteName, type TarAttribute, type TarEntry } from '../tar/tar-entry.ts';
import { paddingAfter } from '../tar/tar-layout.ts';
import { tarEnd, writeTarHeader } from '../tar/tar-writer.ts';
import { hasCode } from '../unpack/strict-open.ts';
import { PackPath } from './pack-path.ts';
import { type PackExceptionReason, PackReport } from './pack-report.ts';
import type { Found, PackWalk } from './pack-walk.ts';

const READ_BYTES = 256 * 1024;
const EMPTY = Buffer.alloc(0);
const CURRENT = Buffer.from('.');

/** Writes what a walk finds as a tar archive, a piece at a time. */
export class Packing {
  readonly report: PackReport = new PackReport();
  readonly #root: HeldRoot;
  readonly #maxEntries: number;
  /** Files of more than one name, and the first of those. */
  readonly #linked = new Map<string, PackPath>();

  constructor(root: HeldRoot, maxEntries: number) {
    this.#root = root;
    this.#maxEntries = maxEntries;
  }

  /**
   * With an entry for the top itself where it is given, and with an empty piece for everything that is left out, so that whoever has no time left need not wait for the next header.
   * Throws `ArchiveError`, `ChrootError` ERR_FILE_BUSY for a file under lease, and `LinuxError`.
   */
  *tree(walk: PackWalk, top: OpenFd | null): Generator<Uint8Array> {
    if (top !== null)
      yield* this.#member({ path: new PackPath(null, CURRENT), held: top }, fstatSync(top.fd, { bigint: true }));
    for (const found of walk.run()) {
      if (found === null) {
        yield EMPTY;
        continue;
      }
      const facts = found.held === null ? null : fstatSync(found.held.fd, { bigint: true });
      yield* this.#member(found, facts);
      if (facts?.isDirectory() === true) walk.goInto(found.path);
    }
    yield tarEnd();
  }

  /** An archive of this one alone. */
  *single(path: PackPath, held: OpenFd): Generator<Uint8Array> {
    yield* this.#member({ path, held }, fstatSync(held.fd, { bigint: true }));
    yield tarEnd();
  }

  *#member({ path, held }: Found, facts: BigIntStats | null): Generator<Uint8Array> {
    const name = path.bytes;
    const type = facts === null ? 'mount' : typeOf(facts);
    if (held === null || facts === null || !isPacked(type)) {
      if (!isPacked(type)) this.report.add(name, type);
      yield EMPTY;
      return;
    }
    this.#count(name);
    const entry = this.#entry(path, type, held.fd, facts);
    if (entry.type === 'file') yield* this.#file(entry, held.fd);
    else yield writeTarHeader(entry);
  }

  *#file(entry: TarEntry, heldFd: number): Generator<Uint8Array> {
    using opened = this.#openContent(heldFd, entry.name);
    const size = Number(fstatSync(opened.fd, { bigint: true }).size);
    yield writeTarHeader({ ...entry, size });
    yield* this.#content(opened.fd, size, entry.name);
    yield Buffer.alloc(paddingAfter(size));
  }

  #entry(path: PackPath, type: PackedType, fd: number, facts: BigIntStats): TarEntry {
    const name = path.bytes;
    const entry: TarEntry = {
      name,
      type,
      size: 0,
      mode: Number(facts.mode) & 0o7777,
      uid: idInside(this.#root, Number(facts.uid)),
      gid: idInside(this.#root, Number(facts.gid)),
      modifiedNs: facts.mtimeNs,
      linkTarget: EMPTY,
      attributes: [],
    };
    if (type === 'symlink') return { ...entry, linkTarget: readLinkEntry(fd, '') };
    if (type === 'directory') return { ...entry, attributes: attributesOf(fd, name) };
    const first = this.#firstName(path, facts);
    return first === null
      ? { ...entry, attributes: attributesOf(fd, name) }
      : { ...entry, type: 'hardlink', linkTarget: first };
  }

  /** Of a file that was packed before under another name; else null. */
  #firstName(path: PackPath, { nlink, dev, ino }: BigIntStats): Buffer | null {
    if (nlink < 2n) return null;
    const first = this.#linked.get(`${dev}:${ino}`);
    // The path, of which most is shared: whole names of 4 KiB each would be gigabytes.
    if (first === undefined) this.#linked.set(`${dev}:${ino}`, path);
    return first?.bytes ?? null;
  }

  /** The very file that was looked at. */
  #openContent(fd: number, name: Buffer): OpenFd {
    const flags = OpenFlag.O_RDONLY | OpenFlag.O_NONBLOCK | OpenFlag.O_NOCTTY;
    try {
      return new OpenFd(openat2(currentDirectory, `/proc/self/fd/${fd}`, { flags }));
    } catch (error) {
      throw busyError(error, quoteName(name), ['EAGAIN']);
    }
  }

  /** As many bytes as the header says, whatever becomes of the file meanwhile. */
  *#content(fd: number, size: number, name: Buffer): Generator<Uint8Array> {
    const bytes = Buffer.alloc(Math.min(size, READ_BYTES));
    let offset = 0;
    while (offset < size) {
      const count = readAt(fd, bytes.subarray(0, Math.min(bytes.length, size - offset)), offset, quoteName(name));
      if (count === 0) break;
      offset += count;
      this.report.bytes += count;
      yield bytes.subarray(0, count);
    }
    if (offset === size) return;
    this.report.add(name, 'shrank');
    bytes.fill(0);
    for (; offset < size; offset += bytes.length) yield bytes.subarray(0, Math.min(bytes.length, size - offset));
  }

  #count(name: Buffer): void {
    this.report.entries += 1;
    if (this.report.entries <= this.#maxEntries) return;
    const text = `there are more than ${this.#maxEntries} entries (maxEntries)`;
    throw new ArchiveError({ code: 'ERR_ARCHIVE_LIMIT', text, entry: quoteName(name), offset: 0 });
  }
}

type PackedType = 'file' | 'directory' | 'symlink';

function isPacked(type: PackedType | PackExceptionReason): type is PackedType {
  return type === 'file' || type === 'directory' || type === 'symlink';
}

function typeOf(facts: BigIntStats): PackedType | PackExceptionReason {
  if (facts.isFile()) return 'file';
  if (facts.isDirectory()) return 'directory';
  if (facts.isSymbolicLink()) return 'symlink';
  if (facts.isFIFO()) return 'fifo';
  return facts.isSocket() ? 'socket' : 'device';
}

const USER_PREFIX = Buffer.from('user.');

/** A reader takes no more than this in one header; a file on tmpfs may have hundreds of megabytes. */
const MAX_ATTRIBUTE_BYTES = 2 ** 19;

function attributesOf(fd: number, file: Buffer): TarAttribute[] {
  const attributes: TarAttribute[] = [];
  let bytes = 0;
  for (const name of unlessNone(() => listAttributes(fd)) ?? []) {
    if (!name.subarray(0, USER_PREFIX.length).equals(USER_PREFIX)) continue;
    const value = unlessNone(() => getAttribute(fd, name));
    if (value === null) continue;
    bytes += name.length + value.length;
    if (bytes > MAX_ATTRIBUTE_BYTES) {
      const text = `its attributes are over ${MAX_ATTRIBUTE_BYTES} bytes; remove some, or leave it out`;
      throw new ArchiveError({ code: 'ERR_ARCHIVE_LIMIT', text, entry: quoteName(file), offset: 0 });
    }
    attributes.push({ name, value });
  }
  return attributes;
}

/** Null where the filesystem keeps no attributes, or this one has gone meanwhile. */
function unlessNone<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (hasCode(error, 'ENOTSUP', 'ENODATA')) return null;
    throw error;
  }
}
