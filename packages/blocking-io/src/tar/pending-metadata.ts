import { invalid, refused } from './archive-fault.ts';
import { attributeName, type PaxRecord, readPaxRecords } from './pax-records.ts';
import type { TarAttribute, TarEntry } from './tar-entry.ts';
import type { TarHeader, TarMetadataKind } from './tar-header.ts';
import { readDecimal, readTime } from './tar-number.ts';

type Fields = { -readonly [Field in Exclude<keyof TarEntry, 'type' | 'attributes'>]: TarEntry[Field] };

/** What headers before an entry say of it: a name too long for its own header, an exact date, attributes. */
export class PendingMetadata {
  readonly #seen = new Set<TarMetadataKind>();
  readonly #global: Partial<Fields> = {};
  #own: Partial<Fields> = {};
  #long: Partial<Fields> = {};
  /** By the name, one character a byte: the last of two wins. */
  readonly #attributes = new Map<string, TarAttribute>();

  /** Whether an entry is still to come of which something was said. */
  get waiting(): boolean {
    return this.#seen.size > 0;
  }

  add(kind: TarMetadataKind, bytes: Buffer): void {
    if (kind === 'pax-global') {
      for (const record of readPaxRecords(bytes)) this.#addGlobal(record);
      return;
    }
    // The second would replace the first in one reader and be ignored by another.
    if (this.#seen.has(kind)) throw invalid(`two headers of the kind ${kind} before one entry`);
    this.#seen.add(kind);
    if (kind === 'long-name') this.#long.name = withoutNuls(bytes);
    else if (kind === 'long-link') this.#long.linkTarget = withoutNuls(bytes);
    else for (const record of readPaxRecords(bytes)) this.#addOwn(record);
  }

  /** The fields of the entry's own header under what was said before, which is forgotten with that. */
  take(header: TarHeader): Omit<TarEntry, 'type'> {
    const { name, size, mode, uid, gid, linkTarget, modifiedSeconds } = header;
    const modifiedNs = BigInt(modifiedSeconds) * 1_000_000_000n;
    const attributes = [...this.#attributes.values()];
    const fields: Fields = { name, size, mode, uid, gid, linkTarget, modifiedNs };
    const entry = { ...fields, ...this.#global, ...this.#long, ...this.#own, attributes };
    this.#seen.clear();
    this.#attributes.clear();
    this.#own = {};
    this.#long = {};
    return entry;
  }

  #addOwn(record: PaxRecord): void {
    const attribute = attributeName(record.key);
    if (attribute === null) apply(record, this.#own);
    else this.#attributes.set(attribute.toString('latin1'), { name: attribute, value: record.value });
  }

  /** What can be true of one entry alone could only be meant to confuse in a header for all of them. */
  #addGlobal(record: PaxRecord): void {
    const ofOne = record.key === 'path' || record.key === 'linkpath' || record.key === 'size';
    if (ofOne || attributeName(record.key) !== null)
      throw refused(`a global PAX header that gives every entry its ${JSON.stringify(record.key)}`);
    apply(record, this.#global);
  }
}

/** Names of owners are left out: those of another machine mean nothing here. */
function apply({ key, value }: PaxRecord, fields: Partial<Fields>): void {
  if (key === 'path') fields.name = value;
  else if (key === 'linkpath') fields.linkTarget = value;
  else if (key === 'size') fields.size = readDecimal(value, 'size');
  else if (key === 'uid') fields.uid = readDecimal(value, 'uid');
  else if (key === 'gid') fields.gid = readDecimal(value, 'gid');
  else if (key === 'mtime') fields.modifiedNs = readTime(value);
  else if (key.startsWith('GNU.sparse.')) throw refused('a sparse file is not unpacked');
}

function withoutNuls(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return bytes.subarray(0, end);
}
