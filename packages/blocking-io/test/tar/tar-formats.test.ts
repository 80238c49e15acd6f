import { expect, test } from 'vitest';
import { ArchiveError } from '../../src/tar/archive-error.ts';
import { tarEnd } from '../../src/tar/tar-writer.ts';
import { type Member, readArchive } from './archives.ts';
import { block, type RawFields, rawMember, withChecksum } from './raw-headers.ts';

function read(...parts: Buffer[]): Member[] {
  return readArchive(Buffer.concat([...parts, tarEnd()]));
}

function onlyEntry(...parts: Buffer[]): Member['entry'] | undefined {
  return read(...parts)[0]?.entry;
}

function refusal(...parts: Buffer[]): string {
  try {
    read(...parts);
  } catch (error) {
    expect(error).toBeInstanceOf(ArchiveError);
    return (error as ArchiveError).message;
  }
  return 'nothing was thrown';
}

/** A PAX record with its length in front. */
function record(text: string): string {
  const rest = ` ${text}\n`;
  const length = [2, 3, 4]
    .map((digits) => rest.length + digits - 1)
    .find((sum) => String(sum).length + rest.length === sum);
  return `${length}${rest}`;
}

test('a record of the test is what POSIX gives as its example', () => {
  expect(record('ctime=1350244992.023960108')).toBe('30 ctime=1350244992.023960108\n');
});

test('v7: no magic, a slash makes a directory, the checksum may be one of signed bytes', () => {
  const old = { magic: '', type: '\0' };
  expect(onlyEntry(rawMember({ ...old, name: 'dir/' }))).toMatchObject({ name: Buffer.from('dir'), type: 'directory' });
  expect(onlyEntry(rawMember({ ...old, prefix: 'no prefix' }))?.name).toEqual(Buffer.from('file'));
  const signed = withChecksum(block({ name: Buffer.from([0xe9, 0xe8]) }), 'signed');
  expect(onlyEntry(signed)?.name).toEqual(Buffer.from([0xe9, 0xe8]));
});

test('ustar joins prefix and name; GNU’s own format has other things in that place', () => {
  expect(onlyEntry(rawMember({ prefix: 'a/b', name: 'c' }))?.name).toEqual(Buffer.from('a/b/c'));
  const gnu = rawMember({ magic: 'ustar  \0', prefix: '14000000000\x0014000000000\0', name: 'c' });
  expect(onlyEntry(gnu)?.name).toEqual(Buffer.from('c'));
});

test('numbers: padded with spaces, blank, and in base 256 of either sign', () => {
  const entry = onlyEntry(
    rawMember({
      mode: '   755 \0',
      uid: Buffer.from('80000000fffffffe', 'hex'),
      gid: '        ',
      modified: Buffer.from('ffffffffffffffffffffff00', 'hex'),
    }),
  );
  expect(entry).toMatchObject({ mode: 0o755, uid: 2 ** 32 - 2, gid: 0, modifiedNs: -256_000_000_000n });
  for (const uid of ['12x4567\0', '0000009\0', '-000001\0', Buffer.from('ffffffffffffffff', 'hex')])
    expect(refusal(rawMember({ uid }))).toMatch(/uid is no number|owner is below 0/);
  const huge = Buffer.from('80ffffffffffffffffffffff', 'hex');
  expect(refusal(withChecksum(block({ size: huge })))).toContain('size is beyond what is possible');
  const negative = Buffer.from('ffffffffffffffffffffffff', 'hex');
  expect(refusal(withChecksum(block({ size: negative })))).toContain('size is below 0');
});

test('GNU’s long names and targets are those of the next entry alone', () => {
  const name = 'n'.repeat(300);
  const members = read(
    rawMember({ type: 'K', name: '././@LongLink' }, `${'t'.repeat(200)}\0`),
    rawMember({ type: 'L', name: '././@LongLink' }, `${name}\0`),
    rawMember({ type: '2', name: name.slice(0, 100), linkTarget: 't'.repeat(100) }),
    rawMember({ name: 'next' }),
  );
  expect(members.map(({ entry }) => entry.name.toString())).toEqual([name, 'next']);
  expect(members[0]?.entry.linkTarget.toString()).toBe('t'.repeat(200));
  expect(refusal(rawMember({ type: 'L' }, 'a\0b\0'), rawMember({}))).toContain('a NUL byte');
  expect(refusal(rawMember({ type: 'L' }, 'a\0'), rawMember({ type: 'L' }, 'b\0'), rawMember({}))).toContain(
    'two headers',
  );
  expect(refusal(rawMember({ type: 'L' }, 'a\0'))).toContain('after a header that belongs to an entry');
});

test('PAX: a record overrules the header, a global one only what the entry’s own does not say', () => {
  const [first, second] = read(
    rawMember({ type: 'g' }, record('uid=7') + record('comment=x') + record('mtime=-1.5')),
    rawMember({ type: 'x' }, record('path=long') + record('uid=8') + record('size=3') + record('mtime=1.0000000019')),
    withChecksum(block({ name: 'short' })),
    Buffer.concat([Buffer.from('abc'), Buffer.alloc(509)]),
    rawMember({ name: 'second' }),
  );
  expect(first?.entry).toMatchObject({ name: Buffer.from('long'), uid: 8, size: 3, modifiedNs: 1_000_000_001n });
  expect(first?.content.toString()).toBe('abc');
  expect(second?.entry).toMatchObject({ name: Buffer.from('second'), uid: 7, modifiedNs: -1_500_000_000n });
});

test('PAX records that are none are refused', () => {
  for (const text of ['x', '5 a=b\n', '99 a=b\n', '6 =bc\n', '06 a=b\n', '6 a=bc', '6 abc\n', ' 6 a=b\n', '0 a=b\n'])
    expect(refusal(rawMember({ type: 'x' }, text), rawMember({})), text).toMatch(/has (no record|a record without)/);
  for (const [key, value] of [
    ['size', '1.5'],
    ['size', '0x10'],
    ['uid', ''],
    ['mtime', 'now'],
    ['size', '99999999999999999999'],
  ])
    expect(refusal(rawMember({ type: 'x' }, record(`${key}=${value}`)), rawMember({}))).toContain(`its ${key} is no`);
  expect(refusal(rawMember({ type: 'x' }, record('path=a\0b')), rawMember({}))).toContain('a NUL byte');
});

test('what tar readers disagree about, or what is no plain entry, is refused by name', () => {
  const cases: [string, ...Buffer[]][] = [
    ['a sparse file', rawMember({ type: 'S' })],
    ['a sparse file', rawMember({ type: 'x' }, record('GNU.sparse.major=1')), rawMember({})],
    ['the continuation of a file', rawMember({ type: 'M' })],
    ['a volume label', rawMember({ type: 'V' })],
    ['of the unknown type "Q"', rawMember({ type: 'Q' })],
    ['gives every entry its "path"', rawMember({ type: 'g' }, record('path=x'))],
    ['gives every entry its "size"', rawMember({ type: 'g' }, record('size=0'))],
    ['gives every entry its "SCHILY.xattr.user.a"', rawMember({ type: 'g' }, record('SCHILY.xattr.user.a=1'))],
  ];
  for (const [text, ...parts] of cases) {
    expect(refusal(...parts)).toContain(text);
    expect(refusal(...parts)).toContain('[ERR_ARCHIVE_REFUSED]');
  }
  const types: RawFields[] = ['1', '2', '3', '4', '5', '6'].map((type) => ({ type }));
  for (const fields of [...types, { name: 'dir/' }])
    expect(refusal(rawMember(fields, 'x'))).toContain('with a content of 1 bytes');
});
