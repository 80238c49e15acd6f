import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ArchiveError } from '../../src/index.ts';
import { type TestChroot, testChroot } from '../chroot/test-chroot.ts';
import { entryOf, fileOf, type Member, writeArchive } from '../tar/archives.ts';
import { rawMember } from '../tar/raw-headers.ts';
import { streamOf, treeOf } from './trees.ts';

function link(type: 'symlink' | 'hardlink', name: string, linkTarget: string): Member {
  return {
    entry: entryOf({ name: Buffer.from(name), type, linkTarget: Buffer.from(linkTarget) }),
    content: Buffer.alloc(0),
  };
}

function special(type: 'character-device' | 'block-device' | 'fifo', name: string): Member {
  return { entry: entryOf({ name: Buffer.from(name), type }), content: Buffer.alloc(0) };
}

/** A root with things in it, and a file beside it that nobody in there may reach. */
async function hostileRoot(): Promise<TestChroot & { readonly secret: string }> {
  const opened = await testChroot();
  const { root, at } = opened;
  const secret = join(root, '../secret');
  writeFileSync(secret, 'outside');
  mkdirSync(at('to/directory'), { recursive: true });
  writeFileSync(at('to/file'), 'of the root');
  symlinkSync('../..', at('to/up'));
  symlinkSync('directory', at('to/inner'));
  symlinkSync(join(root, '..'), at('to/absolute'));
  return { ...opened, secret };
}

/** Nothing of the archive is there after its refusal, and nothing else has changed. */
async function refusal({ chroot, root }: TestChroot, archive: readonly Member[] | Buffer): Promise<ArchiveError> {
  const before = treeOf(join(root, '..'));
  const error: unknown = await chroot.unpack('/to', streamOf(archive)).then(
    () => 'it was unpacked',
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ArchiveError);
  expect(treeOf(join(root, '..'))).toEqual(before);
  return error as ArchiveError;
}

const good = fileOf('good', 'comes first');

test('inv-56: names that lead out are refused, and nothing of the archive is left', async () => {
  // I01. Red without the checks in MemberPath.parse: `..` and the absolute name are taken.
  const hostile = await hostileRoot();
  for (const name of ['/abs', '../x', 'a/../../x', 'a/..', '..', '//x', './../x']) {
    const error = await refusal(hostile, [good, fileOf(name, 'x')]);
    expect(error).toMatchObject({ code: 'ERR_ARCHIVE_REFUSED', entry: JSON.stringify(name), offset: 1024 });
    expect(error.message).toMatch(/its name (is absolute|has "\.\." in it)/);
  }
  expect(readFileSync(hostile.secret, 'utf8')).toBe('outside');
});

test('inv-56: no entry goes through a symlink, whether the archive made it or it was there', async () => {
  // I01. Red without Resolve.noSymlinks in strict-open.ts: the way through `in` is then a way like any other.
  const hostile = await hostileRoot();
  const cases: Member[][] = [
    [fileOf('inside/y', ''), link('symlink', 'in', 'inside'), fileOf('in/x', 'x')],
    [fileOf('inside/deep/er/y', ''), link('symlink', 'in', 'inside'), fileOf('in/deep/er/x', 'x')],
    [link('symlink', 'out', '../../..'), fileOf('out/x', 'x')],
    [link('symlink', 'out', join(hostile.root, '..')), fileOf('out/secret', 'overwritten')],
    [link('symlink', 'a', 'b'), link('symlink', 'b', '/'), fileOf('a/x', 'x')],
    [fileOf('up/secret', 'x')],
    [fileOf('absolute/secret', 'x')],
    [fileOf('inner/x', 'x')],
    [fileOf('file/x', 'x')],
  ];
  for (const members of cases) expect((await refusal(hostile, [good, ...members])).code).toBe('ERR_ARCHIVE_REFUSED');
  expect(readFileSync(hostile.secret, 'utf8')).toBe('outside');
});

test('inv-56: a hard link is made to a regular file of this archive, and to nothing else', async () => {
  // I02. Red without `made.has` in make-member.ts: the link to a symlink is then made.
  const hostile = await hostileRoot();
  const targets = ['/root/canary', '../secret', '../../secret', 'file', 'never', '/to/file', ''];
  for (const target of targets) {
    const error = await refusal(hostile, [good, link('hardlink', 'h', target), fileOf('h', 'written through it')]);
    expect(error).toMatchObject({ code: 'ERR_ARCHIVE_REFUSED', entry: '"h"' });
  }
  const toLink = [link('symlink', 's', join(hostile.root, '../secret')), link('hardlink', 'h', 's')];
  expect((await refusal(hostile, toLink)).message).toContain('no regular file that came before');
  const toDirectory = [entryOf({ name: Buffer.from('d'), type: 'directory' })].map((entry) => ({
    entry,
    content: Buffer.alloc(0),
  }));
  expect((await refusal(hostile, [...toDirectory, link('hardlink', 'h', 'd')])).code).toBe('ERR_ARCHIVE_REFUSED');
  const through = [link('symlink', 's', '..'), link('hardlink', 'h', 's/file')];
  expect((await refusal(hostile, through)).code).toBe('ERR_ARCHIVE_REFUSED');
  expect(readFileSync(hostile.secret, 'utf8')).toBe('outside');
});

test('inv-56: devices, FIFOs, sparse files and types that nobody knows are refused by name', async () => {
  // I03. Red when #make in unpacking.ts goes on for such a type.
  const hostile = await hostileRoot();
  const cases: [string, Buffer][] = [
    ['a character-device', writeArchive([good, special('character-device', 'dev')])],
    ['a block-device', writeArchive([good, special('block-device', 'dev')])],
    ['a fifo', writeArchive([good, special('fifo', 'pipe')])],
    ['a sparse file', Buffer.concat([writeArchive([good]).subarray(0, 1024), rawMember({ type: 'S' })])],
    ['of the unknown type "Q"', Buffer.concat([writeArchive([good]).subarray(0, 1024), rawMember({ type: 'Q' })])],
  ];
  for (const [text, archive] of cases) {
    const error = await refusal(hostile, archive);
    expect(error.message).toContain(text);
    expect(error).toMatchObject({ code: 'ERR_ARCHIVE_REFUSED', offset: 1024 });
  }
});

test('a device that GNU tar packed is refused, too', async (context) => {
  if (process.getuid?.() !== 0) context.skip('needs root, to make a device');
  const hostile = await hostileRoot();
  const from = join(hostile.root, '../from');
  mkdirSync(from);
  execFileSync('mknod', [join(from, 'null'), 'c', '1', '3']);
  const archive = execFileSync('tar', ['-C', from, '-cf', '-', '.']);
  expect((await refusal(hostile, archive)).message).toContain('entry "./null"');
});

test('names that no filesystem takes are refused as that', async () => {
  const hostile = await hostileRoot();
  const tooDeep = `${'d/'.repeat(2047)}xy`;
  const cases: [string, Buffer][] = [
    ['a part longer than 255 bytes', writeArchive([fileOf('n'.repeat(256), '')])],
    ['longer than 4095 bytes', writeArchive([fileOf(tooDeep, '')])],
    ['its name is empty', Buffer.concat([rawMember({ name: '' })])],
    ['in place of the directory that is unpacked into', writeArchive([fileOf('./.', 'x')])],
    ['a symlink with a target of 0 bytes', writeArchive([link('symlink', 's', '')])],
    ['a symlink with a target of 5000 bytes', writeArchive([link('symlink', 's', 't'.repeat(5000))])],
  ];
  for (const [text, archive] of cases) expect((await refusal(hostile, archive)).message).toContain(text);
});

test('what would put a directory in place of something else, or the other way round, is refused before anything is moved', async () => {
  // Red when the first loop of MovingIn.#run is left out: a-file is replaced then before the refusal comes.
  const hostile = await hostileRoot();
  writeFileSync(hostile.at('to/a-file'), 'of before');
  const first = [fileOf('a-file', 'would be moved first'), fileOf('a-new', 'and this')];
  const directoryForFile = [...first, fileOf('file/x', 'x')];
  expect((await refusal(hostile, directoryForFile)).message).toContain('a directory would take the place');
  expect((await refusal(hostile, [...first, fileOf('directory', 'x')])).message).toContain('a directory would take');
  const own = [fileOf('d/x', 'x'), fileOf('d', 'x')];
  expect((await refusal(hostile, own)).message).toContain('an entry in place of a directory');
  const other = [fileOf('d', 'x'), fileOf('d/x', 'x')];
  expect((await refusal(hostile, other)).message).toContain('through what is no directory');
});
