import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import type { FileEntry } from '../src/index.ts';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();

const namesOf = (entries: readonly FileEntry[]): string[] => entries.map(({ name }) => name);

describe('files of a sandbox', () => {
  test('go in and come out as they were, and programs inside see the same', async () => {
    await using sandbox = await used.runtime.create();
    const entry = await sandbox.files.write('/srv/new/deep/hello.txt', 'hello\n');
    expect(entry).toEqual({
      name: 'hello.txt',
      path: '/srv/new/deep/hello.txt',
      type: 'file',
      size: 6,
      mode: 0o644,
      uid: 0,
      gid: 0,
      modifiedAt: expect.any(Date),
      symlinkTarget: null,
    });
    expect(Math.abs(entry.modifiedAt.getTime() - Date.now())).toBeLessThan(60_000);
    expect(await shell(sandbox, 'cat /srv/new/deep/hello.txt; echo more >> /srv/new/deep/hello.txt')).toBe('hello');
    expect((await sandbox.files.read('/srv/new/deep/hello.txt')).toString()).toBe('hello\nmore\n');
    expect(await sandbox.files.stat('/srv/new/deep/hello.txt')).toMatchObject({ size: 11 });
  });

  test('are written in every size around what one message, one pipe and one page hold', async () => {
    await using sandbox = await used.runtime.create();
    for (const size of [0, 1, 4095, 4096, 65_535, 65_536, 65_537, 2 ** 20 + 1]) {
      const content = Buffer.alloc(size, `${size} `);
      expect(await sandbox.files.write('/tmp/sized', content)).toMatchObject({ size });
      expect(content.equals(await sandbox.files.read('/tmp/sized')), `${size} bytes`).toBe(true);
      const chunks = Readable.from([content.subarray(0, size >> 1), content.subarray(size >> 1)], {
        objectMode: false,
      });
      expect(await sandbox.files.write('/tmp/streamed', chunks)).toMatchObject({ size });
      expect(content.equals(await buffer(sandbox.files.readStream('/tmp/streamed'))), `${size} bytes`).toBe(true);
    }
  });

  test('are replaced, appended to and read in parts', async () => {
    await using sandbox = await used.runtime.create();
    const { files } = sandbox;
    await files.write('/tmp/f', '0123456789');
    await files.write('/tmp/f', 'abc');
    expect((await files.read('/tmp/f')).toString()).toBe('abc');
    await files.write('/tmp/f', 'def', { append: true });
    await files.write('/tmp/f', Readable.from(['gh', 'i'], { objectMode: false }), { append: true });
    expect((await files.read('/tmp/f')).toString()).toBe('abcdefghi');
    expect((await files.read('/tmp/f', { offset: 2, length: 3 })).toString()).toBe('cde');
    expect((await files.read('/tmp/f', { offset: 7 })).toString()).toBe('hi');
    expect((await files.read('/tmp/f', { offset: 100 })).toString()).toBe('');
    expect((await files.read('/tmp/f', { length: 0 })).toString()).toBe('');
    expect((await buffer(files.readStream('/tmp/f', { offset: 1, length: 4 }))).toString()).toBe('bcde');
    expect((await buffer(files.readStream('/tmp/f', { offset: 100 }))).toString()).toBe('');
    await expect(files.read('/tmp/f', { maxBytes: 8 })).rejects.toMatchObject({ code: 'ERR_FILE_TOO_LARGE' });
  });

  // Mutation: the owner left out of write() and makeDirectory(), or the lease's first id not added to it.
  test("belong to the sandbox's user or the one asked for, with the mode asked for, directories on the way too", async () => {
    await using sandbox = await used.runtime.create({ user: 'user' });
    const { files } = sandbox;
    const facts = (path: string): Promise<string> => shell(sandbox, `stat -c '%U:%G %a' ${path}`, { user: 'root' });
    expect(await files.write('/tmp/a/b/c', '')).toMatchObject({ uid: 1000, gid: 1000, mode: 0o644 });
    for (const [path, expected] of [
      ['/tmp/a', 'user:user 755'],
      ['/tmp/a/b', 'user:user 755'],
      ['/tmp/a/b/c', 'user:user 644'],
    ] as const)
      expect(await facts(path)).toBe(expected);
    await files.write('/tmp/secret', 'x', { mode: 0o600, user: 'root' });
    expect(await facts('/tmp/secret')).toBe('root:root 600');
    await files.write('/tmp/ids', 'x', { mode: 0o755, user: '1234:root' });
    expect(await shell(sandbox, "stat -c '%u:%g %a' /tmp/ids")).toBe('1234:0 755');
    expect(await files.makeDirectory('/tmp/d/e', { mode: 0o700 })).toMatchObject({
      type: 'directory',
      mode: 0o700,
      uid: 1000,
    });
    expect(await facts('/tmp/d/e')).toBe('user:user 700');
    expect(await shell(sandbox, 'touch /tmp/d/e/mine && echo "of its user"')).toBe('of its user');
  });

  test('F11: set-id bits are left out of modes, for files and directories', async () => {
    await using sandbox = await used.runtime.create();
    expect(await sandbox.files.write('/tmp/suid', 'x', { mode: 0o6755 })).toMatchObject({ mode: 0o755 });
    expect(await sandbox.files.makeDirectory('/tmp/sgid', { mode: 0o2755 })).toMatchObject({ mode: 0o755 });
    expect(await shell(sandbox, 'stat -c %a /tmp/suid /tmp/sgid')).toBe('755\n755');
  });

  // Mutation: FilePlace looks the user up in the sandbox's user alone.
  test("relative paths start at the user's home, as the sandbox's own passwd has it now", async () => {
    await using sandbox = await used.runtime.create();
    const { files } = sandbox;
    expect(await files.write('mine', '1')).toMatchObject({ path: '/root/mine', uid: 0 });
    expect(await files.write('his', '2', { user: 'user' })).toMatchObject({ path: '/home/user/his', uid: 1000 });
    await shell(sandbox, 'mkdir /srv/own; echo "other:x:77:78::/srv/own:/bin/sh" >> /etc/passwd');
    expect(await files.write('./x', '3', { user: 'other' })).toMatchObject({ uid: 77, gid: 78 });
    expect((await files.read('/srv/own/x')).toString()).toBe('3');
    expect((await files.read('../root/mine')).toString()).toBe('1');
    expect(namesOf(await files.list('.'))).toContain('mine');
    await expect(files.write('x', '', { user: 'nobody-here' })).rejects.toMatchObject({ code: 'ERR_USER_NOT_FOUND' });
  });

  test('are listed by the bytes of their paths, to a depth, in pages', async () => {
    await using sandbox = await used.runtime.create();
    const { files } = sandbox;
    await shell(
      sandbox,
      'mkdir -p /srv/t/a/deep/er /srv/t/b; touch /srv/t/a.x /srv/t/a/1 /srv/t/a/deep/er/2 /srv/t/z; ln -s a /srv/t/l',
    );
    expect(namesOf(await files.list('/srv/t'))).toEqual(['a', 'a.x', 'b', 'l', 'z']);
    const all = await files.list('/srv/t', { depth: 9 });
    expect(new Set(all.map(({ path }) => path))).toEqual(
      new Set(['a', 'a.x', 'a/1', 'a/deep', 'a/deep/er', 'a/deep/er/2', 'b', 'l', 'z'].map((name) => `/srv/t/${name}`)),
    );
    expect(all.find(({ name }) => name === 'l')).toMatchObject({ type: 'symlink', symlinkTarget: 'a' });
    const paged: FileEntry[] = [];
    for (let after: string | undefined; ; after = paged.at(-1)?.path) {
      const page = await files.list('/srv/t', { depth: 9, limit: 2, ...(after === undefined ? {} : { after }) });
      paged.push(...page);
      if (page.length < 2) break;
    }
    expect(paged).toEqual(all);
    expect(await files.list('/srv/t/b')).toEqual([]);
  });

  test('are renamed, removed with everything in them, and told to be there or not', async () => {
    await using sandbox = await used.runtime.create();
    const { files } = sandbox;
    await files.write('/tmp/d/one/two', 'x');
    expect(await files.rename('/tmp/d', '/tmp/e')).toMatchObject({ path: '/tmp/e', type: 'directory' });
    expect(await files.exists('/tmp/d')).toBe(false);
    expect(await files.exists('/tmp/e/one/two')).toBe(true);
    expect(await files.exists('/tmp/e/one/two/three')).toBe(false);
    await files.write('/tmp/f', 'f');
    await files.write('/tmp/g', 'g');
    await files.rename('/tmp/f', '/tmp/g');
    expect((await files.read('/tmp/g')).toString()).toBe('f');
    await expect(files.rename('/tmp/nothing', '/tmp/x')).rejects.toMatchObject({ code: 'ERR_FILE_NOT_FOUND' });
    await files.makeDirectory('/tmp/full/x');
    await files.makeDirectory('/tmp/other');
    await expect(files.rename('/tmp/other', '/tmp/full')).rejects.toMatchObject({ code: 'ERR_FILE_EXISTS' });
    await files.remove('/tmp/e');
    await files.remove('/tmp/e');
    expect(await shell(sandbox, 'ls /tmp')).toBe('full\ng\nother');
    await files.makeDirectory('/tmp/other');
    await expect(files.makeDirectory('/tmp/g')).rejects.toMatchObject({ code: 'ERR_FILE_TYPE' });
  });

  test('whose names hold a newline, no UTF-8 or 255 bytes survive the way there and back', async () => {
    await using sandbox = await used.runtime.create();
    const { files } = sandbox;
    const names = ['a\nb', '\uDCFF\uDCFE', '\u001b]0;x\u0007', 'ä', '-rf', 'n'.repeat(255), '\uDC80'.repeat(255), ' '];
    for (const name of names) {
      const entry = await files.write(`/srv/${name}`, name.slice(0, 9).toWellFormed());
      expect(entry).toMatchObject({ name, path: `/srv/${name}` });
    }
    const found = await files.list('/srv');
    expect(new Set(namesOf(found))).toEqual(new Set(names));
    for (const { path, name } of found) {
      expect((await files.read(path)).toString()).toBe(name.slice(0, 9).toWellFormed());
      expect(await files.stat(path)).toMatchObject({ name });
    }
    expect(
      await shell(
        sandbox,
        "printf '%s' /srv/$(printf '\\377\\376') | od -An -tx1 | tr -d ' '; test -f /srv/$(printf '\\377\\376')",
      ),
    ).toBe('2f7372762ffffe');
    await shell(sandbox, 'touch /srv/$(printf "\\303\\050")');
    expect(namesOf(await files.list('/srv'))).toContain('\uDCC3(');
    await files.rename('/srv/\uDCC3(', '/srv/\uDCC4)');
    expect(await files.exists('/srv/\uDCC4)')).toBe(true);
    for (const { path } of await files.list('/srv')) await files.remove(path);
    expect(await shell(sandbox, 'ls -A /srv')).toBe('');
    await expect(files.write(`/srv/${'n'.repeat(256)}`, '')).rejects.toMatchObject({ code: 'ERR_FILE_PATH' });
  });

  test('have attributes user.*, any bytes, and no others', async () => {
    // What user.* attributes need of a filesystem: tmpfs has them since Linux 6.6, ext4 always.
    await using sandbox = await used.runtime.create({ root: 'disk', limits: { rootBytes: 32 * 2 ** 20 } });
    const { files } = sandbox;
    await files.write('/tmp/f', 'x');
    const value = Buffer.from([0, 255, 10, 1]);
    await files.setAttribute('/tmp/f', 'user.mine', value);
    await files.setAttribute('/tmp/f', 'user.empty', new Uint8Array());
    const attributes = await files.attributes('/tmp/f');
    expect(Object.keys(attributes).toSorted()).toEqual(['user.empty', 'user.mine']);
    expect(Buffer.from(attributes['user.mine'] ?? []).equals(value)).toBe(true);
    await files.setAttribute('/tmp/f', 'user.mine', null);
    await files.setAttribute('/tmp/f', 'user.mine', null);
    expect(Object.keys(await files.attributes('/tmp/f'))).toEqual(['user.empty']);
    await expect(files.setAttribute('/tmp/f', 'security.capability', value)).rejects.toMatchObject({
      code: 'ERR_SPEC_INVALID',
    });
    await expect(files.attributes('/tmp/none')).rejects.toMatchObject({ code: 'ERR_FILE_NOT_FOUND' });
  });

  test('archives carry a tree from one sandbox into another, owners replaced by the user asked for', async () => {
    await using one = await used.runtime.create();
    await using other = await used.runtime.create();
    await shell(
      one,
      'mkdir -p /srv/t/sub; echo hi > /srv/t/sub/f; chmod 750 /srv/t/sub; ln -s sub/f /srv/t/l; ln /srv/t/sub/f /srv/t/h',
    );
    const result = await other.files.extract('/srv/copy', one.files.archive('/srv/t'), { user: 'user' });
    expect(result.entries).toBeGreaterThanOrEqual(4);
    expect(await shell(other, 'cd /srv/copy && cat l h && stat -c "%n %U %a" sub')).toBe('hi\nhi\nsub user 750');
    await expect(
      other.files.extract('/srv/x', Readable.from([Buffer.from('no tar '.repeat(200))], { objectMode: false })),
    ).rejects.toMatchObject({ code: 'ERR_ARCHIVE_INVALID' });
    await expect(
      other.files.extract('/srv/y', one.files.archive('/srv/t'), { limits: { entries: 2 } }),
    ).rejects.toMatchObject({ code: 'ERR_ARCHIVE_LIMIT' });
  });

  test('are watched from the call on, directories made later included, until the sandbox ends', async () => {
    const sandbox = await used.runtime.create();
    const watch = sandbox.files.watch('/srv', { recursive: true });
    await watch.ready;
    await sandbox.files.write('/srv/new/file', 'x');
    const seen = new Set<string>();
    for await (const { type, path } of watch) {
      seen.add(`${type} ${path}`);
      if (seen.has('create /srv/new/file')) break;
    }
    expect(seen).toContain('create /srv/new');
    const second = sandbox.files.watch('/srv');
    await second.ready;
    const next = second.next();
    await sandbox.destroy();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(await second.next()).toEqual({ done: true, value: undefined });
  });

  test('what is not there, or is of another kind, is told by code, path and sandbox', async () => {
    await using sandbox = await used.runtime.create();
    const { files } = sandbox;
    const notThere = {
      code: 'ERR_FILE_NOT_FOUND',
      message: expect.stringContaining(`'/no/such' in sandbox ${sandbox.id}`),
    };
    await expect(files.read('/no/such')).rejects.toMatchObject(notThere);
    await expect(files.stat('/no/such')).rejects.toMatchObject(notThere);
    await expect(files.list('/no/such')).rejects.toMatchObject(notThere);
    await expect(buffer(files.readStream('/no/such'))).rejects.toMatchObject(notThere);
    await expect(buffer(files.archive('/no/such'))).rejects.toMatchObject(notThere);
    await expect(files.watch('/no/such').next()).rejects.toMatchObject(notThere);
    await expect(files.read('/tmp')).rejects.toMatchObject({ code: 'ERR_FILE_TYPE' });
    await expect(files.write('/tmp', 'x')).rejects.toMatchObject({ code: 'ERR_FILE_TYPE' });
    await expect(files.list('/etc/passwd')).rejects.toMatchObject({ code: 'ERR_FILE_TYPE' });
    await expect(files.write('/etc/passwd/x', 'x')).rejects.toMatchObject({ code: 'ERR_FILE_TYPE' });
  });

  test('a source that fails rejects the write with its own error, and what it had given stays', async () => {
    await using sandbox = await used.runtime.create();
    const broken = new Error('the source broke');
    const source = new Readable({
      read() {
        this.push('begun');
        this.destroy(broken);
      },
    });
    await expect(sandbox.files.write('/tmp/f', source)).rejects.toBe(broken);
    const unwritable = Readable.from(['x'], { objectMode: false });
    await expect(sandbox.files.write('/tmp', unwritable)).rejects.toMatchObject({ code: 'ERR_FILE_TYPE' });
    expect(unwritable.destroyed).toBe(true);
    // What it holds is seen when it comes.
    await expect(sandbox.files.write('/tmp/f', Readable.from([{}]))).rejects.toMatchObject({
      code: 'ERR_SPEC_INVALID',
    });
    expect(await sandbox.files.write('/tmp/f', Readable.from(['text ', Buffer.from('and bytes')]))).toMatchObject({
      size: 14,
    });
    // A stream of another sandbox is a source as any other.
    await sandbox.files.write('/tmp/big', Buffer.alloc(300_000, 7));
    const digest = (content: Buffer): string => createHash('sha256').update(content).digest('hex');
    await sandbox.files.write('/tmp/copy', sandbox.files.readStream('/tmp/big'));
    expect(digest(await sandbox.files.read('/tmp/copy'))).toBe(digest(Buffer.alloc(300_000, 7)));
  });
});
