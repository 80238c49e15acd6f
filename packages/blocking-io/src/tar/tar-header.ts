import { invalid, refused } from './archive-fault.ts';
import type { TarEntryType } from './tar-entry.ts';
import { checksumsOf, FIELD, fieldOf } from './tar-layout.ts';
import { readNumber } from './tar-number.ts';

/** Not an entry itself: what such a header holds is said of the next one, or of all that follow. */
export type TarMetadataKind = 'pax' | 'pax-global' | 'long-name' | 'long-link';

export interface TarHeader {
  readonly kind: TarEntryType | TarMetadataKind;
  readonly name: Buffer;
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly modifiedSeconds: number;
  readonly linkTarget: Buffer;
}

const KINDS: Readonly<Record<string, TarHeader['kind']>> = {
  '\0': 'file',
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
  // "Contiguous", which no system of today makes a difference of.
  '7': 'file',
  x: 'pax',
  g: 'pax-global',
  L: 'long-name',
  K: 'long-link',
};

/** Types that some tar writes and that would need more than their content. */
const REFUSED_KINDS: Readonly<Record<string, string>> = {
  S: 'a sparse file',
  M: 'the continuation of a file on another volume',
  V: 'a volume label',
  D: 'an incremental dump of a directory',
  N: 'a list of long names in the old form of GNU tar',
  A: 'an access control list in the form of Solaris',
  X: 'an extended header in the form of Solaris',
};

const SLASH = Buffer.from('/');
const POSIX_MAGIC = Buffer.from('ustar\0');

/** A header block, or null for one that is all zeros. */
export function readHeader(block: Buffer): TarHeader | null {
  const { unsigned, signed } = checksumsOf(block);
  // Its own field counts as eight spaces.
  if (unsigned === 8 * 0x20 && block.every((byte) => byte === 0)) return null;
  const checksum = readNumber(fieldOf(block, FIELD.checksum), 'checksum');
  if (checksum !== unsigned && checksum !== signed) throw invalid('no header of tar, or a damaged one: wrong checksum');
  return {
    kind: kindOf(block),
    name: nameOf(block),
    size: readNumber(fieldOf(block, FIELD.size), 'size'),
    mode: readNumber(fieldOf(block, FIELD.mode), 'mode') & 0o7777,
    uid: readNumber(fieldOf(block, FIELD.uid), 'uid'),
    gid: readNumber(fieldOf(block, FIELD.gid), 'gid'),
    modifiedSeconds: readNumber(fieldOf(block, FIELD.modified), 'mtime'),
    linkTarget: upToNul(fieldOf(block, FIELD.linkTarget)),
  };
}

function kindOf(block: Buffer): TarHeader['kind'] {
  const type = fieldOf(block, FIELD.type).toString('latin1');
  const kind = KINDS[type];
  if (kind === undefined) {
    const what = REFUSED_KINDS[type] ?? `an entry of the unknown type ${JSON.stringify(type)}`;
    throw refused(`${what} is not unpacked`);
  }
  return kind;
}

function nameOf(block: Buffer): Buffer {
  const name = upToNul(fieldOf(block, FIELD.name));
  // In GNU's own format other things stand in the place of the prefix.
  if (!fieldOf(block, FIELD.magic).subarray(0, POSIX_MAGIC.length).equals(POSIX_MAGIC)) return name;
  const prefix = upToNul(fieldOf(block, FIELD.prefix));
  return prefix.length === 0 ? name : Buffer.concat([prefix, SLASH, name]);
}

function upToNul(field: Buffer): Buffer {
  const nul = field.indexOf(0);
  return Buffer.from(nul === -1 ? field : field.subarray(0, nul));
}
