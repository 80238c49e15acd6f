import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { testChroot } from '../chroot/test-chroot.ts';
import { entryOf, fileOf, type Member, writeArchive } from '../tar/archives.ts';
import { streamOf, treeOf } from './trees.ts';

const SECOND = 1_000_000_000n;

function empty(fields: Parameters<typeof entryOf>[0]): Member {
  return { entry: entryOf(fields), content: Buffer.alloc(0) };
}

const directory = (name: string, fields: Parameters<typeof entryOf>[0] = {}): Member =>
  empty({ name: Buffer.from(name), type: 'directory', mode: 0o755, ...fields });

const members: readonly Member[] = [
  directory('./'),
  directory('dir', { mode: 0o1750, modifiedNs: 1_600_000_000n * SECOND + 5n }),
  fileOf('dir/file', 'content', { mode: 0o640, modifiedNs: -1_500_000_000n }),
  empty({ name: Buffer.from('dir/hard'), type: 'hardlink', linkTarget: Buffer.from('dir/file') }),
  empty({ name: Buffer.from('soft'), type: 'symlink', linkTarget: Buffer.from('/etc/passwd'), modifiedNs: SECOND }),
  fileOf('implied/by/this', Buffer.alloc(200_000, 7)),
  fileOf(Buffer.from([0x6e, 0x0a, 0xff, 0xfe]), 'a name of any bytes'),
  fileOf('n'.repeat(255), 'as long as can be'),
];

test('an archive is unpacked as it is, however it comes in', async () => {
  const opened = await testChroot();
  for (const chunkBytes of [1, 511, 64 * 1024, 2 ** 24]) {
    const { chroot } = opened;
    const to = `/${chunkBytes}`;
    const at = (path: string): string => opened.at(join(to, path));
    mkdirSync(at('/'));
    const archive = chunkBytes === 1 ? members.filter(({ content }) => content.length < 1000) : members;
    const result = await chroot.unpack(to, streamOf(archive, chunkBytes));
    const implied = chunkBytes === 1 ? 0 : 2;
    const bytes = archive.reduce((sum, { content }) => sum + content.length, 0);
    expect(result).toEqual({ entries: archive.length + implied, bytes });
    expect(readFileSync(at('dir/file'), 'utf8')).toBe('content');
    expect(lstatSync(at('dir/file'), { bigint: true })).toMatchObject({ mode: 0o100640n, mtimeNs: -1_500_000_000n });
    expect(statSync(at('dir/hard')).ino).toBe(statSync(at('dir/file')).ino);
    const facts = lstatSync(at('dir'), { bigint: true });
    expect(facts).toMatchObject({ mode: 0o41750n, mtimeNs: 1_600_000_000n * SECOND + 5n });
    expect(readlinkSync(at('soft'))).toBe('/etc/passwd');
    expect(lstatSync(at('soft')).mtimeMs).toBe(1000);
    if (implied > 0) expect(readFileSync(at('implied/by/this')).equals(Buffer.alloc(200_000, 7))).toBe(true);
    expect(readdirSync(at('/'), { encoding: 'buffer' })).toContainEqual(Buffer.from([0x6e, 0x0a, 0xff, 0xfe]));
    expect(readFileSync(at('n'.repeat(255)), 'utf8')).toBe('as long as can be');
  }
}, 30_000);

test('what is there stays, but for the files and links that the archive replaces', async () => {
  const { chroot, at, root } = await testChroot();
  mkdirSync(at('to/dir'), { recursive: true, mode: 0o700 });
  mkdirSync(at('to/implied'));
  for (const name of ['dir/file', 'dir/kept', 'soft', 'kept']) writeFileSync(at(`to/${name}`), 'old');
  symlinkSync('/', at('to/dir/hard'));
  // A name of a replaced file elsewhere keeps what it has.
  execFileSync('ln', [at('to/dir/file'), at('elsewhere')]);
  await chroot.unpack('/to', streamOf(members));
  expect(readFileSync(at('to/dir/file'), 'utf8')).toBe('content');
  expect(readFileSync(at('elsewhere'), 'utf8')).toBe('old');
  expect(readFileSync(at('to/dir/hard'), 'utf8')).toBe('content');
  expect(readlinkSync(at('to/soft'))).toBe('/etc/passwd');
  expect(readFileSync(at('to/dir/kept'), 'utf8')).toBe('old');
  expect(readFileSync(at('to/kept'), 'utf8')).toBe('old');
  expect(lstatSync(at('to/dir')).mode & 0o7777).toBe(0o700);
  expect(statSync(at('to/implied/by/this')).size).toBe(200_000);
  expect(treeOf(root).filter((line) => line.includes('hatchery'))).toEqual([]);
  const again = treeOf(root);
  await chroot.unpack('/to', streamOf(members));
  expect(treeOf(root)).toEqual(again);
});

test('of two entries with one name the later counts, and never what the first was linked to', async () => {
  const { chroot, at } = await testChroot();
  await chroot.unpack(
    '/',
    streamOf([
      fileOf('a', 'first'),
      empty({ name: Buffer.from('b'), type: 'hardlink', linkTarget: Buffer.from('a') }),
      fileOf('b', 'second'),
      empty({ name: Buffer.from('a'), type: 'hardlink', linkTarget: Buffer.from('./a') }),
      empty({ name: Buffer.from('c'), type: 'symlink', linkTarget: Buffer.from('a') }),
      fileOf('c', 'third'),
      directory('d', { mode: 0o700 }),
      fileOf('d/x', 'kept'),
      directory('d', { mode: 0o711, modifiedNs: SECOND }),
    ]),
  );
  expect(['a', 'b', 'c', 'd/x'].map((name) => readFileSync(at(name), 'utf8'))).toEqual([
    'first',
    'second',
    'third',
    'kept',
  ]);
  expect(lstatSync(at('d'))).toMatchObject({ mode: 0o40711, mtimeMs: 1000 });
});

test('directories have the date of the archive, in whatever order it tells them', async () => {
  // Red without #keepDateOf: a has the time of the test.
  const { chroot, at } = await testChroot();
  const early = directory('a', { modifiedNs: SECOND });
  const inside = directory('a/b', { modifiedNs: 2n * SECOND });
  await chroot.unpack('/', streamOf([early, fileOf('other', ''), inside, fileOf('x', ''), fileOf('a/b/c', '')]));
  expect([lstatSync(at('a')).mtimeMs, lstatSync(at('a/b')).mtimeMs]).toEqual([1000, 2000]);
  mkdirSync(at('deepest-first'));
  await chroot.unpack('/deepest-first', streamOf([fileOf('a/b/c', ''), inside, early]));
  expect([lstatSync(at('deepest-first/a')).mtimeMs, lstatSync(at('deepest-first/a/b')).mtimeMs]).toEqual([1000, 2000]);
});

test('inv-56: set-id bits are taken away, and of the attributes all but user.*', async () => {
  // F11. Red with MODE_BITS 0o7777, and red without the prefix in setAttributes: security.capability is then there.
  const { chroot, at } = await testChroot();
  const attributes = [
    { name: Buffer.from('user.kept'), value: Buffer.from([0xff, 0, 0x80]) },
    { name: Buffer.from('security.capability'), value: Buffer.from('0100000200040000000000000000000000000000', 'hex') },
    { name: Buffer.from('trusted.overlay.opaque'), value: Buffer.from('y') },
  ];
  const fields = { attributes, mode: 0o6755, uid: 0, gid: 0 };
  await chroot.unpack('/', streamOf([fileOf('program', '#!', fields), directory('d', { ...fields, mode: 0o3777 })]));
  expect(lstatSync(at('program')).mode).toBe(0o100755);
  expect(lstatSync(at('d')).mode).toBe(0o41777);
  expect(Object.entries(await chroot.attributes('/program'))).toEqual([['user.kept', Uint8Array.of(0xff, 0, 0x80)]]);
  for (const path of ['program', 'd'])
    expect(
      execFileSync('python3', ['-c', 'import os,sys; print(os.listxattr(sys.argv[1]))', at(path)], {
        encoding: 'utf8',
      }),
    ).toBe("['user.kept']\n");
});

test('a gzip stream is unpacked where the caller says that it is one', async () => {
  const { chroot, at } = await testChroot();
  const zipped = gzipSync(writeArchive(members));
  await chroot.unpack('/', streamOf(zipped, 1000), { compression: 'gzip' });
  expect(readFileSync(at('dir/file'), 'utf8')).toBe('content');
  await expect(chroot.unpack('/', streamOf(zipped))).rejects.toMatchObject({ code: 'ERR_ARCHIVE_INVALID' });
  const cut = chroot.unpack('/', streamOf(zipped.subarray(0, -20)), { compression: 'gzip' });
  await expect(cut).rejects.toMatchObject({
    code: 'ERR_ARCHIVE_INVALID',
    message: expect.stringContaining('gzip') as string,
  });
  const none = chroot.unpack('/', streamOf(members), { compression: 'gzip' });
  await expect(none).rejects.toMatchObject({ code: 'ERR_ARCHIVE_INVALID' });
});

test('the place to unpack into must be a directory; a symlink on the way there stays in the root', async () => {
  const { chroot, at } = await testChroot();
  mkdirSync(at('real'));
  writeFileSync(at('file'), '');
  symlinkSync('/real', at('link'));
  await chroot.unpack('/link', streamOf([fileOf('x', '1')]));
  expect(readFileSync(at('real/x'), 'utf8')).toBe('1');
  await expect(chroot.unpack('/none', streamOf([]))).rejects.toMatchObject({ name: 'LinuxError', code: 'ENOENT' });
  await expect(chroot.unpack('/file', streamOf([]))).rejects.toMatchObject({ code: 'ENOTDIR' });
  await expect(chroot.unpack('', streamOf([]))).rejects.toMatchObject({ code: 'ERR_FILE_NAME' });
});
