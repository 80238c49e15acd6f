import { constants } from 'node:fs';
import { decodeFileName, type EntryFacts, readLinkEntry, statEntry } from '@hatchery/linux';
import type { ChrootPath } from './chroot-path.ts';
import type { EntryDetails } from './entry-details.ts';
import type { HeldRoot } from './held-root.ts';
import { isKernelFile } from './kernel-files.ts';

/** What an entry is: of FIFOs, sockets and devices only that they are something else. */
export type EntryType = 'file' | 'directory' | 'symlink' | 'other';

/** A file, directory or whatever else has a name in the root. */
export interface ChrootEntry {
  /** The last part of `path`; a byte that is no UTF-8 is the lone surrogate U+DC00 + byte. */
  readonly name: string;
  /** Absolute, inside the root. */
  readonly path: string;
  /** `other`: FIFO, socket or device. */
  readonly type: EntryType;
  /** Bytes, as lstat(2) tells: of a symlink the length of its target. */
  readonly size: number;
  /** Permissions, set-id and sticky bits. */
  readonly mode: number;
  /** Whose it is: an id of the sandbox's when the chroot was given its range of `ids`, else the host's. */
  readonly uid: number;
  /** Its group, in the same ids as `uid`. */
  readonly gid: number;
  /** Since 1970, in milliseconds. */
  readonly modifiedMs: number;
  /** Of a symlink; null also where it went meanwhile. */
  readonly symlinkTarget: string | null;
  /** Where they were asked for. */
  readonly details?: EntryDetails;
}

const TYPES: Readonly<Record<number, EntryType>> = {
  [constants.S_IFREG]: 'file',
  [constants.S_IFDIR]: 'directory',
  [constants.S_IFLNK]: 'symlink',
};

export function typeOf(facts: EntryFacts): EntryType {
  return TYPES[facts.mode & constants.S_IFMT] ?? 'other';
}

/** How many ids a sandbox has; what belongs to nobody of them shows as nobody's, as it does inside. */
const RANGE = 65_536;
const NOBODY = 65_534;

/** An entry of an open directory, or, with the empty name, what `fd` is itself. Throws `LinuxError`. */
export function describeEntry(root: HeldRoot, fd: number, name: Buffer | '', path: ChrootPath): ChrootEntry {
  const facts = statEntry(fd, name);
  const type = typeOf(facts);
  return {
    name: path.name,
    path: path.shown,
    type,
    size: facts.size,
    mode: facts.mode & 0o7777,
    uid: idInside(root, facts.uid),
    gid: idInside(root, facts.gid),
    modifiedMs: facts.modifiedMs,
    symlinkTarget: type === 'symlink' ? targetOf(fd, name) : null,
  };
}

/** As the sandbox has it. */
export function idInside({ firstId }: HeldRoot, id: number): number {
  if (firstId === null) return id;
  return id >= firstId && id < firstId + RANGE ? id - firstId : NOBODY;
}

function targetOf(fd: number, name: Buffer | ''): string | null {
  // The links of /proc tell where things are on the host.
  if (isKernelFile(fd)) return null;
  try {
    return decodeFileName(readLinkEntry(fd, name));
  } catch {
    // Replaced or removed meanwhile, as whoever lives in the root may.
    return null;
  }
}
