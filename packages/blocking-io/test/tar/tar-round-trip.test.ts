import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TarReader } from '../../src/tar/tar-reader.ts';
import { writeTarHeader } from '../../src/tar/tar-writer.ts';
import { chunksOf, entryOf, fileOf, memberArbitrary, readArchive, readChunks, writeArchive } from './archives.ts';

test('what is written is read the same: names, targets and attributes of any bytes, owners, dates to the nanosecond', () => {
  fc.assert(
    fc.property(fc.array(memberArbitrary, { maxLength: 6 }), (members) => {
      expect(readArchive(writeArchive(members))).toEqual(members);
    }),
    { numRuns: 300 },
  );
});

test('where the archive is cut on its way changes nothing', () => {
  const places = fc.array(fc.nat(), { maxLength: 40 });
  fc.assert(
    fc.property(fc.array(memberArbitrary, { maxLength: 4 }), places, (members, cuts) => {
      const archive = writeArchive(members);
      expect(readChunks(chunksOf(archive, cuts))).toEqual(members);
    }),
    { numRuns: 300 },
  );
  const members = [fileOf('a', 'one'), fileOf(Buffer.alloc(300, 0xfe), Buffer.alloc(513, 7))];
  expect(readChunks([...writeArchive(members)].map((byte) => Buffer.of(byte)))).toEqual(members);
});

test('an attribute with bytes above 0x7f, such as a file capability, is not read as text', () => {
  // Red when a value goes through a decoder: ff fe 80 becomes ef bf bd three times.
  const attribute = { name: Buffer.from('security.capability'), value: Buffer.from('010000028000fffe80', 'hex') };
  const member = fileOf('ping', '', { attributes: [attribute] });
  expect(readArchive(writeArchive([member]))[0]?.entry.attributes).toEqual([attribute]);
});

test('sizes and owners that no header of ustar holds go round', () => {
  const entry = entryOf({ uid: 2 ** 32 - 2, gid: 3_000_000, size: 2 ** 40 });
  const reader = new TarReader();
  reader.push(writeTarHeader(entry));
  expect(reader.next()).toEqual({ type: 'entry', entry: { ...entry, offset: 1024 } });
  expect(reader.next()).toBeNull();
});
