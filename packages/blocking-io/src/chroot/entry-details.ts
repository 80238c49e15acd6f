import { fstatSync, readlinkSync } from 'node:fs';
import {
  decodeFileName,
  filesystemType,
  getAttribute,
  LinuxError,
  listAttributes,
  OpenFlag,
  openat2,
  Resolve,
  statEntry,
} from '@hatchery/linux';
import { type ChrootEntry, type EntryType, typeOf } from './chroot-entry.ts';
import { ChrootPath } from './chroot-path.ts';
import type { HeldRoot } from './held-root.ts';
import { isKernelFile } from './kernel-files.ts';
import { OpenFd } from './open-fd.ts';
import { IN_ROOT, pin } from './walk.ts';

/** What more there is to tell of an entry, for two or three more system calls. */
export interface EntryDetails {
  /** What a symlink leads to, through all others; null: it is none, or it leads to nothing that has a path in the root. */
  readonly target: EntryTarget | null;
  /** The extended attributes of a file or directory, a symlink followed, whose names begin as was asked for. */
  readonly attributes: Readonly<Record<string, Uint8Array>>;
  /** Kept by another machine or by a program (NFS, SMB, FUSE), whose changes a watch does not see. */
  readonly isRemote: boolean;
}

/** What a symlink leads to in the end. */
export interface EntryTarget {
  /** Absolute in the root, without symlinks. */
  readonly path: string;
  /** What is there. */
  readonly type: EntryType;
  /** Permissions, set-id and sticky bits. */
  readonly mode: number;
}

/** Of linux/magic.h: nfs, cifs, smb, smb2, fuse. */
const REMOTE_FILESYSTEMS: ReadonlySet<number> = new Set([0x6969, 0xff534d42, 0x517b, 0xfe534d42, 0x65735546]);

/** Names and values of one entry; a page of entries is one message. */
const MAX_ATTRIBUTE_BYTES = 8192;

const NOTHING: EntryDetails = { target: null, attributes: {}, isRemote: false };

export function isRemoteFilesystem(type: number): boolean {
  return REMOTE_FILESYSTEMS.has(type);
}

/**
 * What an entry leads to, as it is now. One that cannot be followed has nothing to tell; nor has what is in the kernel's
 * own filesystems, whose links say where things are on the host.
 */
export function detailsOf(root: HeldRoot, entry: ChrootEntry, attributePrefix: string): EntryDetails {
  using found = pinOrNull(root, ChrootPath.parse(entry.path));
  if (found === null || isKernelFile(found.fd)) return NOTHING;
  const type = typeOf(statEntry(found.fd, ''));
  return {
    target: entry.type === 'symlink' ? targetOf(root, found.fd) : null,
    attributes: type === 'file' || type === 'directory' ? attributesOf(found.fd, attributePrefix) : {},
    isRemote: isRemoteFilesystem(filesystemType(found.fd)),
  };
}

function pinOrNull(root: HeldRoot, path: ChrootPath): OpenFd | null {
  try {
    return pin(root, path, 'follow');
  } catch (error) {
    if (error instanceof LinuxError) return null;
    throw error;
  }
}

/**
 * The kernel tells the path of what is held; that it is one of the root's is seen by walking it there. Null where it is
 * not, as when the file was moved or removed meanwhile.
 */
function targetOf(root: HeldRoot, fd: number): EntryTarget | null {
  const above = pathOf(root.fd);
  const full = pathOf(fd);
  if (above === null || full === null) return null;
  const base = above === '/' ? '' : above;
  if (full !== base && !full.startsWith(`${base}/`)) return null;
  const path = ChrootPath.parse(full.slice(base.length) || '/');
  try {
    const how = { flags: OpenFlag.O_PATH | OpenFlag.O_NOFOLLOW, resolve: IN_ROOT | Resolve.noSymlinks };
    using there = new OpenFd(openat2(root.fd, path.bytes, how));
    if (!isSame(there.fd, fd)) return null;
    const facts = statEntry(there.fd, '');
    return { path: path.shown, type: typeOf(facts), mode: facts.mode & 0o7777 };
  } catch (error) {
    if (error instanceof LinuxError) return null;
    throw error;
  }
}

export function isSame(one: number, other: number): boolean {
  const [a, b] = [fstatSync(one, { bigint: true }), fstatSync(other, { bigint: true })];
  return a.ino === b.ino && a.dev === b.dev;
}

/** Null: longer than the kernel tells. */
function pathOf(fd: number): string | null {
  try {
    return decodeFileName(readlinkSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' }));
  } catch {
    return null;
  }
}

/** As many as are not too much; whoever lives in the root may have set any. */
function attributesOf(fd: number, prefix: string): Record<string, Uint8Array> {
  const found: [string, Uint8Array][] = [];
  let left = MAX_ATTRIBUTE_BYTES;
  for (const name of orEmpty(() => listAttributes(fd))) {
    const text = decodeFileName(name);
    if (!text.startsWith(prefix)) continue;
    const [value] = orEmpty(() => [getAttribute(fd, name)]);
    if (value === undefined) continue;
    left -= name.length + value.length;
    if (left < 0) break;
    found.push([text, new Uint8Array(value)]);
  }
  return Object.fromEntries(found);
}

/** Removed meanwhile, more names than the kernel tells, or of a filesystem without attributes. */
function orEmpty<T>(act: () => T[]): T[] {
  try {
    return act();
  } catch (error) {
    if (error instanceof LinuxError) return [];
    throw error;
  }
}
