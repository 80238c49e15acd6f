import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import type { PackStream } from '../../src/index.ts';
import { testChroot } from '../chroot/test-chroot.ts';
import { type Member, readArchive } from '../tar/archives.ts';
import { bytesOf, treeOf } from './trees.ts';

async function packed(stream: Readable): Promise<Map<string, Member>> {
  const members = readArchive(await bytesOf(stream));
  return new Map(members.map((member) => [member.entry.name.toString('latin1'), member]));
}

test('a tree goes out and in again as it was, and GNU tar unpacks it the same', async () => {
  const { chroot, at, root } = await testChroot();
  mkdirSync(at('from/deep/er'), { recursive: true, mode: 0o750 });
  writeFileSync(at('from/deep/er/file'), Buffer.alloc(700_001, 3), { mode: 0o604 });
  writeFileSync(at('from/empty'), '');
  linkSync(at('from/empty'), at('from/deep/second name'));
  symlinkSync('/etc/passwd', at('from/link'));
  for (const name of [Buffer.from([0xff, 0x0a]), Buffer.alloc(255, 0xe9), Buffer.from('größe')])
    writeFileSync(Buffer.concat([Buffer.from(`${at('from')}/`), name]), name);
  await chroot.setAttribute('/from/empty', 'user.bytes', Uint8Array.of(0xff, 0, 0x80));
  utimesSync(at('from/deep'), 5, new Date(-5500));
  for (const to of ['to', 'by-gnu', 'other']) mkdirSync(at(to));

  const stream = chroot.pack('/from');
  const archive = await bytesOf(stream);
  expect(stream.summary).toEqual({ entries: 9, bytes: 700_001 + 2 + 255 + 7, exceptions: [], exceptionCount: 0 });
  await chroot.unpack('/to', chroot.pack('/from'));
  execFileSync('tar', ['-C', at('by-gnu'), '-p', '--xattrs', '-xf', '-'], { input: archive, stdio: 'pipe' });
  for (const to of ['to', 'by-gnu']) {
    expect(treeOf(join(root, to))).toEqual(treeOf(at('from')));
    expect(lstatSync(at(`${to}/deep`)).mtimeMs).toBe(-5500);
    expect(await chroot.attributes(`/${to}/empty`)).toEqual({ 'user.bytes': Uint8Array.of(0xff, 0, 0x80) });
  }
});

test('one file or symlink is an archive of that alone, and nothing else has content', async () => {
  const { chroot, at } = await testChroot();
  mkdirSync(at('d'));
  writeFileSync(at('d/file'), 'content');
  symlinkSync('d', at('link'));
  execFileSync('mkfifo', [at('fifo')]);
  expect([...(await packed(chroot.pack('/d/../link/file'))).entries()]).toMatchObject([
    ['file', { content: Buffer.from('content') }],
  ]);
  expect((await packed(chroot.pack('link'))).get('link')?.entry).toMatchObject({
    type: 'symlink',
    linkTarget: Buffer.from('d'),
  });
  await expect(bytesOf(chroot.pack('/fifo'))).rejects.toMatchObject({ code: 'ERR_NOT_A_FILE' });
  await expect(bytesOf(chroot.pack('/none'))).rejects.toMatchObject({ code: 'ENOENT' });
});

// Mutation: no entry for the top in packing.ts, or 'no-follow' always in pack-session.ts.
test('a directory has an entry of its own before all others where that is asked for, and a symlink to one is that directory', async () => {
  const { chroot, at } = await testChroot();
  mkdirSync(at('d'), { mode: 0o750 });
  writeFileSync(at('d/file'), 'content');
  symlinkSync('d', at('link'));
  symlinkSync('d/file', at('to file'));
  symlinkSync('nowhere', at('dangling'));
  const how = { topEntry: true, followTop: true };
  for (const path of ['/d', '/link']) {
    const stream = chroot.pack(path, how);
    const archive = await packed(stream);
    expect([...archive.keys()]).toEqual(['.', 'file']);
    expect(archive.get('.')?.entry).toMatchObject({ type: 'directory', mode: 0o750 });
    expect(stream.summary).toMatchObject({ entries: 2 });
  }
  expect([...(await packed(chroot.pack('/to file', how))).entries()]).toMatchObject([
    ['to file', { entry: { type: 'file' }, content: Buffer.from('content') }],
  ]);
  await expect(bytesOf(chroot.pack('/dangling', how))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('inv-56: no symlink is followed, nothing waits for a FIFO or socket, and what is left out is told', async () => {
  // Red without O_NOFOLLOW and noSymlinks in pack-walk.ts (the secret is packed); a FIFO opened without O_PATH first hangs.
  const { chroot, at, root } = await testChroot();
  mkdirSync(join(root, '../outside'));
  writeFileSync(join(root, '../outside/secret'), 'of the host');
  symlinkSync(join(root, '../outside'), at('absolute'));
  symlinkSync('../outside/secret', at('relative'));
  execFileSync('mkfifo', [at('fifo')]);
  const server = createServer().listen(at('socket'));
  await once(server, 'listening');
  const stream = chroot.pack('/');
  const archive = await bytesOf(stream);
  server.close();
  expect(readArchive(archive).map(({ entry }) => `${entry.type} ${entry.name.toString()}`)).toEqual([
    'symlink absolute',
    'symlink relative',
  ]);
  expect(archive.includes('of the host')).toBe(false);
  expect(stream.summary).toMatchObject({
    exceptions: [
      { path: 'fifo', reason: 'fifo' },
      { path: 'socket', reason: 'socket' },
    ],
    exceptionCount: 2,
  });
});

test('a file that shrinks or grows while it is read leaves a valid archive, and shrinking is told', async () => {
  // Red without the zeros behind the loop in Packing.#content: the archive is out of step then.
  const { chroot, at } = await testChroot();
  const size = 3 * 2 ** 20;
  for (const name of ['grows', 'shrinks']) writeFileSync(at(name), Buffer.alloc(size, 1));
  writeFileSync(at('then'), 'in step');
  const stream = chroot.pack('/');
  const parts: Buffer[] = [];
  let seen = 0;
  for await (const part of stream) {
    // The header of the second is read with the last of the first, at the latest.
    if (seen === 0) writeFileSync(at('grows'), Buffer.alloc(size, 1), { flag: 'a' });
    seen += (part as Buffer).length;
    if (seen > size + 2 ** 20) truncateSync(at('shrinks'), 2 ** 19);
    parts.push(part as Buffer);
  }
  const members = readArchive(Buffer.concat(parts));
  expect(members.map(({ entry, content }) => [entry.name.toString(), content.length])).toEqual([
    ['grows', size],
    ['shrinks', size],
    ['then', 7],
  ]);
  const shrunk = members[1]?.content;
  expect(shrunk?.subarray(-(2 ** 20)).every((byte) => byte === 0)).toBe(true);
  expect(stream.summary?.exceptions).toEqual([{ path: 'shrinks', reason: 'shrank' }]);
});

test('more entries than are wanted, and paths that nobody could unpack, end the stream with a typed error', async () => {
  const { chroot, at } = await testChroot();
  for (const name of ['a', 'b', 'c']) writeFileSync(at(name), '');
  await expect(bytesOf(chroot.pack('/', { maxEntries: 2 }))).rejects.toMatchObject({
    code: 'ERR_ARCHIVE_LIMIT',
    entry: '"c"',
  });
  mkdirSync(at('deep'));
  const part = 'd'.repeat(200);
  // Deeper than one path can say: 21 levels of 200 bytes.
  execFileSync('sh', [
    '-c',
    `cd "$0"; i=0; while [ $i -lt 21 ]; do mkdir ${part} && cd -P ./${part} 2>/dev/null; i=$((i+1)); done`,
    at('deep'),
  ]);
  const error: unknown = await bytesOf(chroot.pack('/deep')).catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    code: 'ERR_ARCHIVE_REFUSED',
    message: expect.stringContaining('4095 bytes') as string,
  });
  expect(() => chroot.pack('/', { maxEntries: 0 })).toThrow('maxEntries');
  await chroot.remove('/deep');
});

test('a pack that nobody wants any more holds nothing, and one under a signal fails with it', async () => {
  const { chroot, at } = await testChroot();
  writeFileSync(at('large'), Buffer.alloc(2 ** 22));
  const dropped: PackStream = chroot.pack('/');
  await once(dropped, 'readable');
  dropped.destroy();
  await once(dropped, 'close');
  expect(dropped.summary).toBeNull();
  const abort = new AbortController();
  const aborted = bytesOf(chroot.pack('/', { signal: abort.signal }));
  abort.abort();
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
  const closed = chroot.pack('/');
  await once(closed, 'readable');
  await chroot.close();
  await expect(bytesOf(closed)).rejects.toMatchObject({ code: 'ERR_HANDLE_CLOSED' });
  expect(readFileSync(at('large')).length).toBe(2 ** 22);
});
