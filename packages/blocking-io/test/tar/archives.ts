import fc from 'fast-check';
import type { TarAttribute, TarEntry, TarEntryRead } from '../../src/tar/tar-entry.ts';
import { paddingAfter } from '../../src/tar/tar-layout.ts';
import { TarReader } from '../../src/tar/tar-reader.ts';
import { tarEnd, writeTarHeader } from '../../src/tar/tar-writer.ts';

/** An entry with its whole content. */
export interface Member {
  readonly entry: TarEntry;
  readonly content: Buffer;
}

export function entryOf(fields: Partial<TarEntry>): TarEntry {
  const plain = {
    name: Buffer.from('file'),
    type: 'file',
    size: 0,
    mode: 0o644,
    uid: 0,
    gid: 0,
    modifiedNs: 0n,
  } as const;
  return { ...plain, linkTarget: Buffer.alloc(0), attributes: [], ...fields };
}

/** A file of that name and content. */
export function fileOf(name: string | Buffer, content: string | Buffer, fields: Partial<TarEntry> = {}): Member {
  const bytes = Buffer.from(content as Buffer);
  return { entry: entryOf({ name: Buffer.from(name as Buffer), size: bytes.length, ...fields }), content: bytes };
}

export function writeMember({ entry, content }: Member): Buffer {
  return Buffer.concat([writeTarHeader(entry), content, Buffer.alloc(paddingAfter(content.length))]);
}

export function writeArchive(members: readonly Member[]): Buffer {
  return Buffer.concat([...members.map(writeMember), tarEnd()]);
}

/** What a reader makes of the chunks. */
export function readChunks(chunks: Iterable<Buffer>): Member[] {
  const reader = new TarReader();
  const members: { entry: TarEntryRead; parts: Buffer[] }[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let event = reader.next(); event !== null; event = reader.next()) {
      if (event.type === 'entry') members.push({ entry: event.entry, parts: [] });
      else members.at(-1)?.parts.push(Buffer.from(event.bytes));
    }
  }
  reader.end();
  return members.map(({ entry, parts }) => ({ entry: withoutOffset(entry), content: Buffer.concat(parts) }));
}

function withoutOffset(entry: TarEntryRead): TarEntry {
  const fields: TarEntry & { offset?: number } = { ...entry };
  delete fields.offset;
  return fields;
}

export function readArchive(archive: Buffer): Member[] {
  return readChunks([archive]);
}

/** Cuts it at the given places, in any order. */
export function chunksOf(archive: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [0, ...places.map((place) => place % (archive.length + 1)), archive.length].toSorted((a, b) => a - b);
  return cuts.slice(1).map((cut, index) => archive.subarray(cuts[index], cut));
}

const byteString = (most: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: 1, maxLength: most }).map((bytes) => Buffer.from(bytes.map((byte) => byte || 1)));

/** Any bytes that a name on Linux can have, a slash at its end excepted. */
const nameArbitrary: fc.Arbitrary<Buffer> = fc
  .oneof(
    byteString(40),
    byteString(300),
    fc.string({ minLength: 1, unit: 'binary' }).map((text) => Buffer.from(text)),
  )
  .map((name) => Buffer.from(name.map((byte) => (byte === 0x2f || byte === 0 ? 0x5f : byte))));

const attributeArbitrary: fc.Arbitrary<TarAttribute> = fc.record({
  name: byteString(30),
  value: fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
});

const fieldsArbitrary = fc.record({
  name: fc
    .array(nameArbitrary, { minLength: 1, maxLength: 3 })
    .map((parts) => Buffer.concat(parts.flatMap((part, index) => (index === 0 ? [part] : [Buffer.from('/'), part])))),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.oneof(fc.integer({ min: 0, max: 70_000 }), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
  gid: fc.oneof(fc.integer({ min: 0, max: 70_000 }), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
  modifiedNs: fc.bigInt({ min: -(10n ** 19n), max: 10n ** 20n }),
  attributes: fc.uniqueArray(attributeArbitrary, {
    maxLength: 3,
    selector: ({ name }) => name.toString('latin1'),
  }),
});

export const memberArbitrary: fc.Arbitrary<Member> = fc.oneof(
  fc
    .tuple(fieldsArbitrary, fc.uint8Array({ maxLength: 1500 }))
    .map(([fields, bytes]) => fileOf(fields.name, Buffer.from(bytes), fields)),
  fieldsArbitrary.map((fields) => ({ entry: entryOf({ ...fields, type: 'directory' }), content: Buffer.alloc(0) })),
  fc
    .tuple(fieldsArbitrary, nameArbitrary, fc.constantFrom('symlink' as const, 'hardlink' as const))
    .map(([fields, linkTarget, type]) => ({
      entry: entryOf({ ...fields, linkTarget, type }),
      content: Buffer.alloc(0),
    })),
);
