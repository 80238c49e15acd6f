import { mkdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { testChroot } from './test-chroot.ts';

test('what is written is read back: text, bytes, ranges and nothing at all', async () => {
  const { chroot, at } = await testChroot();
  const entry = await chroot.write('/a/b/file', 'naïve');
  expect(entry).toMatchObject({
    name: 'file',
    path: '/a/b/file',
    type: 'file',
    size: 6,
    mode: 0o644,
    symlinkTarget: null,
  });
  expect(entry.modifiedMs).toBe(statSync(at('a/b/file')).mtimeMs);
  expect((await chroot.read('a/b/file')).toString()).toBe('naïve');
  await chroot.write('a/b/file', Uint8Array.of(0, 255, 10));
  expect(await chroot.read('a//b/./file')).toEqual(Buffer.of(0, 255, 10));
  expect(await chroot.read('a/b/file', { offset: 1, length: 1 })).toEqual(Buffer.of(255));
  expect(await chroot.read('a/b/file', { offset: 2, length: 100 })).toEqual(Buffer.of(10));
  expect((await chroot.read('a/b/file', { offset: 100 })).length).toBe(0);
  await chroot.write('a/b/file', '', { append: true });
  expect(await chroot.write('a/b/file', 'x', { append: true })).toMatchObject({ size: 4 });
  expect(await chroot.write('a/b/file', '')).toMatchObject({ size: 0 });
});

test('more than maxBytes is refused, and no more is read', async () => {
  const { chroot, at } = await testChroot();
  writeFileSync(at('file'), 'twelve bytes');
  truncateSync(at('file'), 2 ** 40);
  const refused = { code: 'ERR_FILE_TOO_LARGE', path: '/file' };
  await expect(chroot.read('file')).rejects.toMatchObject(refused);
  await expect(chroot.read('file', { length: 13, maxBytes: 12 })).rejects.toMatchObject(refused);
  expect((await chroot.read('file', { length: 12, maxBytes: 12 })).toString()).toBe('twelve bytes');
  expect((await chroot.read('file', { offset: 2 ** 40 - 3, maxBytes: 3 })).length).toBe(3);
  await expect(chroot.read('file', { offset: 2 ** 40 - 3, maxBytes: 2 })).rejects.toMatchObject(refused);
});

test('a stream of any length goes in and out, in chunks of at most 256 KiB', async () => {
  const { chroot, at } = await testChroot();
  const bytes = Buffer.alloc(3 * 2 ** 20 + 7, 'twelve bytes');
  const pieces = Array.from({ length: Math.ceil(bytes.length / 1000) }, (_, i) =>
    bytes.subarray(i * 1000, (i + 1) * 1000),
  );
  expect(await chroot.write('long', Readable.from(pieces))).toMatchObject({ size: bytes.length });
  expect(readFileSync(at('long')).equals(bytes)).toBe(true);
  const chunks: number[] = [];
  const stream = chroot.readStream('long');
  stream.on('data', (chunk: Buffer) => chunks.push(chunk.length));
  expect((await buffer(stream)).equals(bytes)).toBe(true);
  expect(Math.max(...chunks)).toBe(256 * 1024);
  const range = await buffer(chroot.readStream('long', { offset: 5, length: 300_000 }));
  expect(range.equals(bytes.subarray(5, 300_005))).toBe(true);
  expect(await chroot.write('long', Readable.from(['a', 'b']), { append: true })).toMatchObject({
    size: bytes.length + 2,
  });
  expect(await chroot.write('memory', bytes)).toMatchObject({ size: bytes.length });
  expect(await chroot.write('none', Readable.from([]))).toMatchObject({ size: 0 });
});

test('the error of a stream is thrown as it is, and a write that fails destroys its stream', async () => {
  const { chroot } = await testChroot();
  const failure = new Error('no more');
  const failing = (bytes: number): Readable =>
    Readable.from(
      (async function* () {
        yield Buffer.alloc(bytes);
        throw failure;
      })(),
    );
  await expect(chroot.write('short', failing(10))).rejects.toBe(failure);
  await expect(chroot.exists('short')).resolves.toBe(false);
  await expect(chroot.write('long', failing(100_000))).rejects.toBe(failure);
  const endless = Readable.from(
    (function* () {
      for (;;) yield Buffer.alloc(50_000);
    })(),
  );
  await expect(chroot.write('/', endless)).rejects.toMatchObject({ code: 'ERR_NOT_A_FILE' });
  expect(endless.destroyed).toBe(true);
  const wrong = Readable.from([1, 2]);
  await expect(chroot.write('x', wrong)).rejects.toMatchObject({ code: 'ERR_FILE_ARGUMENT' });
  await expect(chroot.write('x', null as never)).rejects.toMatchObject({ code: 'ERR_FILE_ARGUMENT' });
});

test('an aborted write or read rejects at once with the reason and leaves no descriptor', async () => {
  const { chroot } = await testChroot();
  const abort = new AbortController();
  const silent = new Readable({ read() {} });
  silent.push(Buffer.alloc(100_000));
  const writing = chroot.write('file', silent, { signal: abort.signal });
  await expect.poll(async () => (await chroot.stat('file')).size).toBeGreaterThan(0);
  abort.abort(new Error('not wanted'));
  await expect(writing).rejects.toThrow('not wanted');
  expect(silent.destroyed).toBe(true);
  const stream = chroot.readStream('file', { signal: AbortSignal.abort() });
  await expect(buffer(stream)).rejects.toMatchObject({ name: 'AbortError' });
  await expect(chroot.write('file', 'x', { signal: abort.signal })).rejects.toThrow('not wanted');
});

test('a stream holds its file: what replaces it meanwhile is not read', async () => {
  const { chroot } = await testChroot();
  await chroot.write('file', Buffer.alloc(2 ** 20, 'a'));
  const stream = chroot.readStream('file');
  const iterator = stream[Symbol.asyncIterator]();
  await iterator.next();
  await chroot.write('other', 'b');
  await chroot.rename('other', 'file');
  let left = 0;
  for await (const chunk of { [Symbol.asyncIterator]: () => iterator })
    left += (chunk as Buffer).filter((byte) => byte === 97).length;
  expect(left).toBe(2 ** 20 - 256 * 1024);
});

test('a symlink is written through, dangling or not, and keeps its place', async () => {
  const { chroot, at } = await testChroot();
  mkdirSync(at('etc'));
  symlinkSync('/etc/target', at('link'));
  await chroot.write('link', 'made');
  expect(readFileSync(at('etc/target'), 'utf8')).toBe('made');
  expect(await chroot.write('link', 'again')).toMatchObject({ path: '/link', type: 'file', size: 5 });
  expect(await chroot.stat('link')).toMatchObject({ type: 'symlink', symlinkTarget: '/etc/target' });
});

test('permissions are what was asked for, whatever the umask, and without set-id bits', async () => {
  const umask = process.umask(0o077);
  const { chroot, at } = await testChroot().finally(() => process.umask(umask));
  const mode = (path: string): number => statSync(at(path)).mode & 0o7777;
  process.umask(0o077);
  try {
    expect(await chroot.write('a/file', 'x')).toMatchObject({ mode: 0o644 });
    expect(await chroot.write('suid', 'x', { mode: 0o6755 })).toMatchObject({ mode: 0o755 });
    expect(await chroot.makeDirectory('b/c', { mode: 0o7777 })).toMatchObject({ mode: 0o1777 });
    symlinkSync('through', at('dangling'));
    await chroot.write('dangling', 'x');
  } finally {
    process.umask(umask);
  }
  expect(['a', 'a/file', 'b', 'b/c', 'through'].map(mode)).toEqual([0o755, 0o644, 0o755, 0o1777, 0o644]);
  writeFileSync(at('old'), 'x', { mode: 0o600 });
  await chroot.write('old', 'y');
  expect(mode('old')).toBe(0o600);
  await chroot.write('old', 'z', { mode: 0o640 });
  expect(mode('old')).toBe(0o640);
});

test('options that cannot be are refused at the call', async () => {
  const { chroot } = await testChroot();
  const refused = { code: 'ERR_FILE_ARGUMENT', name: 'ChrootError' };
  await expect(chroot.read('x', { offset: -1 })).rejects.toMatchObject(refused);
  await expect(chroot.read('x', { length: 0.5 })).rejects.toMatchObject(refused);
  await expect(chroot.write('x', '', { mode: 0o10000 })).rejects.toMatchObject(refused);
  await expect(chroot.list('/', { limit: 10_001 })).rejects.toMatchObject(refused);
  await expect(chroot.list('/', { depth: 0 })).rejects.toMatchObject(refused);
  await expect(chroot.setAttribute('x', 'security.capability', Buffer.of())).rejects.toMatchObject(refused);
  expect(() => chroot.readStream('x', { offset: Number.NaN })).toThrow(expect.objectContaining(refused));
  await expect(chroot.read('')).rejects.toMatchObject({ code: 'ERR_FILE_NAME' });
  await expect(chroot.read('a\0b')).rejects.toMatchObject({ code: 'ERR_FILE_NAME' });
  await expect(chroot.read('\ud800')).rejects.toMatchObject({ code: 'ERR_FILE_NAME' });
});
