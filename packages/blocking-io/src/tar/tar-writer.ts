import { isAscii, isUtf8 } from 'node:buffer';
import { attributeKey, type PaxRecord, writePaxRecord } from './pax-records.ts';
import type { TarEntry, TarEntryType } from './tar-entry.ts';
import { BLOCK_BYTES, checksumsOf, FIELD, paddingAfter, type TarField } from './tar-layout.ts';
import { timeText } from './tar-number.ts';

const TYPE: Readonly<Record<TarEntryType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
};
const PAX = 'x';
const SLASH = Buffer.from('/');
const EMPTY = Buffer.alloc(0);
const SECOND_NS = 1_000_000_000n;

/** What ends an archive: two blocks of zeros. */
export function tarEnd(): Buffer {
  return Buffer.alloc(2 * BLOCK_BYTES);
}

/**
 * The header of an entry, behind a PAX header for whatever does not fit into one of ustar or is no ASCII. Owners are
 * numbers alone; names, targets and attributes are written as the bytes they are. The content follows it, filled up with
 * zeros to a block.
 */
export function writeTarHeader(entry: TarEntry): Buffer {
  const named = entry.type === 'directory' ? { ...entry, name: Buffer.concat([entry.name, SLASH]) } : entry;
  const header = writeBlock(named, TYPE[entry.type]);
  const records = paxRecords(named);
  if (records.length === 0) return header;
  const content = Buffer.concat(records.map(writePaxRecord));
  // Of a name that nobody takes for a file of the archive, should a reader not know the type.
  const pax = { ...entry, name: Buffer.from('PaxHeaders/entry'), linkTarget: EMPTY, mode: 0o644, size: content.length };
  return Buffer.concat([writeBlock(pax, PAX), content, Buffer.alloc(paddingAfter(content.length)), header]);
}

function paxRecords(entry: TarEntry): PaxRecord[] {
  const records: PaxRecord[] = [];
  const names = [
    { key: 'path', value: entry.name, field: FIELD.name },
    { key: 'linkpath', value: entry.linkTarget, field: FIELD.linkTarget },
  ].filter(({ value, field }) => value.length > field.length || !isAscii(value));
  // Without it a reader may take for UTF-8 what is none.
  if (names.some(({ value }) => !isUtf8(value))) records.push({ key: 'hdrcharset', value: Buffer.from('BINARY') });
  records.push(...names);
  for (const key of ['size', 'uid', 'gid'] as const)
    if (entry[key] > mostIn(FIELD[key])) records.push({ key, value: Buffer.from(String(entry[key])) });
  const seconds = Number(entry.modifiedNs / SECOND_NS);
  const plain = entry.modifiedNs >= 0 && entry.modifiedNs % SECOND_NS === 0n && seconds <= mostIn(FIELD.modified);
  if (!plain) records.push({ key: 'mtime', value: Buffer.from(timeText(entry.modifiedNs)) });
  for (const { name, value } of entry.attributes) records.push({ key: attributeKey(name), value });
  return records;
}

function writeBlock(entry: TarEntry, type: string): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  entry.name.copy(block, FIELD.name.start, 0, FIELD.name.length);
  writeOctal(block, FIELD.mode, entry.mode);
  writeOctal(block, FIELD.uid, entry.uid);
  writeOctal(block, FIELD.gid, entry.gid);
  writeOctal(block, FIELD.size, entry.size);
  const seconds = Number(entry.modifiedNs / SECOND_NS);
  writeOctal(block, FIELD.modified, Math.max(0, seconds));
  block.write(type, FIELD.type.start, 'latin1');
  entry.linkTarget.copy(block, FIELD.linkTarget.start, 0, FIELD.linkTarget.length);
  // The version follows the magic.
  block.write('ustar\x0000', FIELD.magic.start, 'latin1');
  block.write(`${checksumsOf(block).unsigned.toString(8).padStart(6, '0')}\0 `, FIELD.checksum.start, 'latin1');
  return block;
}

function mostIn({ length }: TarField): number {
  return 8 ** (length - 1) - 1;
}

/** What does not fit stands in the PAX header. */
function writeOctal(block: Buffer, field: TarField, value: number): void {
  const fitting = value <= mostIn(field) ? value : 0;
  block.write(fitting.toString(8).padStart(field.length - 1, '0'), field.start, 'latin1');
}
