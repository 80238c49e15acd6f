import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ArchiveError } from '../../src/tar/archive-error.ts';
import { TarReader } from '../../src/tar/tar-reader.ts';
import { chunksOf, fileOf, memberArbitrary, readArchive, readChunks, writeArchive } from './archives.ts';
import { block, withChecksum } from './raw-headers.ts';

function errorOf(read: () => unknown): ArchiveError {
  try {
    read();
  } catch (error) {
    if (error instanceof ArchiveError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

test('an archive that ends too early is told as that, wherever it was cut', () => {
  // Red without the check in `end`.
  const archive = writeArchive([fileOf('first', 'x'.repeat(600)), fileOf(Buffer.alloc(200, 0xf0), 'content')]);
  // A lone block of zeros is an end as some write it.
  const lone = archive.length - 512;
  expect(readArchive(archive.subarray(0, lone))).toHaveLength(2);
  for (let length = 0; length < archive.length; length += 1) {
    if (length === lone) continue;
    expect(errorOf(() => readArchive(archive.subarray(0, length))).code, String(length)).toBe('ERR_ARCHIVE_INVALID');
  }
});

test('an error names the entry and where its header is, and stays the same', () => {
  const archive = writeArchive([fileOf('first', 'x'), fileOf('second\n', 'y'), fileOf('third', 'z')]);
  archive.writeUInt8(0x21, 2 * 1024 + 10);
  const reader = new TarReader();
  reader.push(archive);
  for (let count = 0; count < 4; count += 1) reader.next();
  const error = errorOf(() => reader.next());
  expect(error).toMatchObject({ code: 'ERR_ARCHIVE_INVALID', entry: null, offset: 2048 });
  expect(error.message).toBe('[ERR_ARCHIVE_INVALID] at byte 2048: no header of tar, or a damaged one: wrong checksum');
  expect(errorOf(() => reader.next())).toBe(error);
  expect(errorOf(() => reader.end())).toBe(error);
  const cut = errorOf(() => readArchive(archive.subarray(0, 1024 + 513)));
  expect(cut).toMatchObject({ entry: '"second\\n"', offset: 1024 });
});

test('garbage ends in a typed error, at once and without more memory than a header takes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 4096 }), (bytes) => {
      expect(errorOf(() => readArchive(Buffer.from(bytes))).code).toBe('ERR_ARCHIVE_INVALID');
    }),
    { numRuns: 300 },
  );
});

test('an archive with a byte changed is read or refused, and hangs in no state, however it is cut', () => {
  const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
  const members = fc.array(memberArbitrary, { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(
      members,
      fc.array(change, { minLength: 1, maxLength: 8 }),
      fc.array(fc.nat()),
      (made, changes, cuts) => {
        const archive = writeArchive(made);
        for (const [place, byte] of changes) archive[place % archive.length] = byte;
        const whole = outcomeOf(() => readArchive(archive));
        expect(outcomeOf(() => readChunks(chunksOf(archive, cuts)))).toEqual(whole);
      },
    ),
    { numRuns: 500 },
  );
});

function outcomeOf(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    expect(error).toBeInstanceOf(ArchiveError);
    return (error as ArchiveError).message;
  }
}

test('headers that claim much before anything came are refused by the claim', () => {
  // Red without MAX_METADATA_BYTES: the buffer for them is made by the claim.
  for (const type of ['x', 'g', 'L', 'K']) {
    const claim = withChecksum(block({ type, size: '00007777777\0' }));
    const error = errorOf(() => readArchive(claim));
    expect(error.code).toBe('ERR_ARCHIVE_LIMIT');
    expect(error.message).toContain('header of 2097151 bytes, over 1048576');
  }
});

test('nothing but zeros stands behind the end, and not without bound', () => {
  const archive = writeArchive([fileOf('a', 'b')]);
  expect(readArchive(Buffer.concat([archive, Buffer.alloc(10_240)]))).toHaveLength(1);
  for (const behind of [archive, Buffer.of(1), Buffer.alloc(2 ** 20)])
    expect(errorOf(() => readArchive(Buffer.concat([archive, behind]))).message).toContain('behind the end');
  const loneZeros = Buffer.concat([archive.subarray(0, -512), archive]);
  expect(errorOf(() => readArchive(loneZeros)).message).toContain('behind the end');
});
