import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { entryOf, fileOf, type Member, readArchive, writeArchive } from './archives.ts';
import { withChecksum } from './raw-headers.ts';

const SECOND = 1_000_000_000n;
const isRoot = process.getuid?.() === 0;
/** Only root can give files away. */
const owner = isRoot
  ? { uid: 123_456, gid: 3_000_000 }
  : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const attributes = [
  { name: Buffer.from('user.bytes'), value: Buffer.from([0xff, 0xfe, 0x80, 0, 0x0a, 0x3d]) },
  { name: Buffer.from('user.a=b%3D\n'), value: Buffer.alloc(0) },
];
const longDirectory = `${'d'.repeat(120)}/${'e'.repeat(120)}`;

/** What a tree can hold that tar readers trip over. */
const tree: readonly Member[] = [
  empty({ name: Buffer.from('dir'), type: 'directory', mode: 0o1777, modifiedNs: 5n * SECOND + 1n }),
  fileOf('dir/file', 'content\n', { mode: 0o4711, attributes, modifiedNs: 1_700_000_000n * SECOND + 123_456_789n }),
  empty({ name: Buffer.from('dir/hard'), type: 'hardlink', linkTarget: Buffer.from('dir/file') }),
  empty({ name: Buffer.from('dir/soft'), type: 'symlink', mode: 0o777, linkTarget: Buffer.from('../nowhere') }),
  empty({ name: Buffer.from('far'), type: 'symlink', mode: 0o777, linkTarget: Buffer.from(`/${'t'.repeat(300)}`) }),
  fileOf('old', 'x', { modifiedNs: -SECOND / 2n }),
  fileOf('a name\nof two lines', 'x'.repeat(512)),
  fileOf(Buffer.from([0x2d, 0xff, 0xfe, 0x80]), 'no UTF-8', owner),
  fileOf('größe-文', 'UTF-8'),
  fileOf(Buffer.alloc(255, 0xe9), 'as long as a name can be'),
  empty({ name: Buffer.from(longDirectory.slice(0, 120)), type: 'directory', mode: 0o755 }),
  empty({ name: Buffer.from(longDirectory), type: 'directory', mode: 0o755 }),
  fileOf(`${longDirectory}/${'f'.repeat(100)}`, Buffer.alloc(100_000, 1)),
];

function empty(fields: Parameters<typeof entryOf>[0]): Member {
  return { entry: entryOf(fields), content: Buffer.alloc(0) };
}

function tar(options: readonly string[], input?: Buffer): Buffer {
  const env = { PATH: process.env.PATH, LC_ALL: 'C' };
  return execFileSync('tar', options, { input, env, maxBuffer: 2 ** 26, stdio: ['pipe', 'pipe', 'pipe'] });
}

/** The tree as GNU tar unpacks it from what we write. */
function extracted(): string {
  const directory = join(mkdtempSync(join(tmpdir(), 'hatchery-tar-')), 'tree');
  onTestFinished(() => rmSync(join(directory, '..'), { recursive: true }));
  mkdirSync(directory);
  const mine = tree.map(({ entry, content }) => ({
    entry: isRoot ? entry : { ...entry, uid: owner.uid, gid: owner.gid },
    content,
  }));
  const options = ['--xattrs', '--xattrs-include=*', '--numeric-owner', '-p', '--delay-directory-restore'];
  tar(['-C', directory, ...options, '-xf', '-'], writeArchive(mine));
  return directory;
}

/** What we read of what GNU tar packs. */
function packedBy(directory: string, options: readonly string[]): Member[] {
  const names = Buffer.concat(tree.flatMap(({ entry }) => [entry.name, Buffer.of(0)]));
  const fromList = ['--null', '--no-recursion', '--verbatim-files-from', '-T', '-'];
  return readArchive(tar(['-C', directory, ...options, '--numeric-owner', ...fromList, '-cf', '-'], names));
}

/** As a format keeps it; a hard link has the mode and date of what it is linked to. */
function expected({ exact }: { readonly exact: boolean }): Member[] {
  return tree.map(({ entry, content }) => {
    const linked = tree.find((other) => entry.type === 'hardlink' && other.entry.name.equals(entry.linkTarget));
    const { uid, gid } = isRoot ? entry : owner;
    const { modifiedNs, mode } = linked?.entry ?? entry;
    const seconds = modifiedNs / SECOND - (modifiedNs % SECOND < 0n ? 1n : 0n);
    const facts = exact ? { modifiedNs } : { modifiedNs: seconds * SECOND, attributes: [] };
    return { entry: { ...entry, uid, gid, mode, ...facts }, content };
  });
}

function sorted(members: readonly Member[]): Member[] {
  return members.map(({ entry, content }) => {
    const inOrder = entry.attributes.toSorted((a, b) => Buffer.compare(a.name, b.name));
    return { entry: { ...entry, attributes: inOrder }, content };
  });
}

test('GNU tar unpacks what we write, and what it packs of that in PAX we read back the same', () => {
  const exact = ['--format=pax', '--xattrs', '--xattrs-include=*'];
  expect(sorted(packedBy(extracted(), exact))).toEqual(sorted(expected({ exact: true })));
});

test('what GNU tar packs in its own format we read the same, to the second', () => {
  expect(packedBy(extracted(), ['--format=gnu'])).toEqual(expected({ exact: false }));
});

test.each(['ustar', 'v7'])('what GNU tar packs as %s we read the same, as far as that format goes', (format) => {
  const directory = extracted();
  const fitting = ['dir', 'dir/file', 'dir/hard', 'dir/soft'];
  const options = [`--format=${format}`, '--numeric-owner', '--no-recursion'];
  const members = readArchive(tar(['-C', directory, ...options, '-cf', '-', ...fitting]));
  const names = new Set(fitting);
  expect(members).toEqual(expected({ exact: false }).filter(({ entry }) => names.has(entry.name.toString())));
});

test('GNU tar lists what we write as it is', () => {
  const list = tar(['--numeric-owner', '--full-time', '--quoting-style=escape', '-tvf', '-'], writeArchive(tree));
  const lines = list.toString().trimEnd().split('\n');
  expect(lines).toHaveLength(tree.length);
  expect(lines[0]).toMatch(/^drwxrwxrwt 0\/0 +0 .* dir\/$/);
  expect(lines[1]).toMatch(/^-rws--x--x 0\/0 +8 .*\.123456789 dir\/file$/);
  expect(lines[2]).toMatch(/^hrw-r--r-- .* dir\/hard link to dir\/file$/);
  expect(lines[3]).toMatch(/^lrwxrwxrwx .* dir\/soft -> \.\.\/nowhere$/);
  expect(lines[6]).toMatch(/ a name\\nof two lines$/);
  expect(lines[7]).toMatch(/ -\\377\\376\\200$/);
  expect(lines[7]).toContain(`${owner.uid}/${owner.gid}`);
});

test('what differs in one byte of a header is refused, or has the names in it that GNU tar sees', () => {
  // A name that one reader sees and the other does not is how things are smuggled past a check.
  const archive = writeArchive([fileOf('first', 'one'), fileOf('n'.repeat(120), 'two'), fileOf('last', 'three')]);
  const headers = [0, 1024, 2048, 3072];
  const disagreed: string[] = [];
  // Of the name every eleventh byte, of the other fields all of them.
  const places = Array.from({ length: 265 }, (_, at) => at).filter((at) => at > 95 || at % 11 === 0);
  for (const place of headers.flatMap((start) => places.map((at) => start + at))) {
    for (const flip of [0x01, 0x10]) {
      const changed = Buffer.from(archive);
      changed.writeUInt8(changed.readUInt8(place) ^ flip, place);
      const start = place - (place % 512);
      withChecksum(changed.subarray(start, start + 512));
      const mine = namesOrNull(() => readArchive(changed).map(({ entry }) => entry.name.toString('latin1')));
      const theirs = mine === null ? mine : namesOrNull(() => tarNames(changed));
      if (mine?.join('\n') !== theirs?.join('\n'))
        disagreed.push(`${place} ^ ${flip}: ${mine?.join()} | ${theirs?.join()}`);
    }
  }
  expect(disagreed).toEqual([]);
}, 60_000);

function tarNames(archive: Buffer): string[] {
  return tar(['--quoting-style=literal', '-tf', '-'], archive).toString('latin1').trimEnd().split('\n');
}

function namesOrNull(read: () => string[]): string[] | null {
  try {
    return read();
  } catch {
    return null;
  }
}
