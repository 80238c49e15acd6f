import { text } from 'node:stream/consumers';
import type { FilesystemEvent } from 'e2b';
import { expect } from 'vitest';
import { Heard } from '../heard.ts';
import type { Row } from '../row.ts';

/** Files and what happens to them. */
export const fileRows: readonly Row[] = [
  {
    method: 'Filesystem#write',
    claim: 'text, bytes and a stream; parents are made; it belongs to the user',
    async run({ sandbox }) {
      const { files } = sandbox;
      const written = await files.write('row/deep/text.txt', 'héllo');
      expect(written).toEqual({ name: 'text.txt', path: '/home/user/row/deep/text.txt', type: 'file' });
      await files.write('row/bytes', new Uint8Array([0, 255, 10]).buffer);
      await files.write('row/stream', new Blob(['streamed']).stream());
      expect(await files.read('row/deep/text.txt')).toBe('héllo');
      expect(await files.read('row/bytes', { format: 'bytes' })).toEqual(new Uint8Array([0, 255, 10]));
      expect(await files.read('row/stream')).toBe('streamed');
      expect(await files.getInfo('row/deep')).toMatchObject({ type: 'dir', owner: 'user', permissions: 'drwxr-xr-x' });
    },
  },
  {
    method: 'Filesystem#write',
    claim: 'compressed, with metadata, and what is there is replaced',
    async run({ sandbox }) {
      const { files } = sandbox;
      await files.write('row/replaced', 'a long text that was there before');
      await files.write('row/replaced', 'short', { gzip: true, metadata: { colour: 'red' } });
      expect(await files.read('row/replaced', { gzip: true })).toBe('short');
      expect((await files.getInfo('row/replaced')).metadata).toEqual({ colour: 'red' });
      await files.write('row/replaced', 'without');
      expect((await files.getInfo('row/replaced')).metadata).toBeUndefined();
    },
  },
  {
    method: 'Filesystem#write',
    claim: 'as root, where only root may',
    async run({ sandbox }) {
      await sandbox.files.write('/etc/row.conf', 'set', { user: 'root' });
      expect(await sandbox.files.getInfo('/etc/row.conf')).toMatchObject({ owner: 'root', group: 'root', size: 3 });
    },
  },
  {
    method: 'Filesystem#writeFiles',
    claim: 'many at once, in their order',
    async run({ sandbox }) {
      const wanted = Array.from({ length: 10 }, (_, index) => ({ path: `row/many/${index}`, data: `of ${index}` }));
      const written = await sandbox.files.writeFiles(wanted);
      expect(written.map(({ name }) => name)).toEqual(wanted.map((_, index) => String(index)));
      for (const { path, data } of wanted) expect(await sandbox.files.read(path)).toBe(data);
      expect(await sandbox.files.writeFiles([])).toEqual([]);
    },
  },
  {
    method: 'Filesystem#read',
    claim: 'as text, bytes, blob and stream; also nothing',
    async run({ sandbox }) {
      const { files } = sandbox;
      await files.write('row/read', 'content');
      await files.write('row/empty', '');
      expect(await files.read('row/read')).toBe('content');
      expect(await files.read('row/read', { format: 'bytes' })).toEqual(new TextEncoder().encode('content'));
      expect(await (await files.read('row/read', { format: 'blob' })).text()).toBe('content');
      expect(await text(await files.read('row/read', { format: 'stream' }))).toBe('content');
      expect(await files.read('row/empty')).toBe('');
      expect(await files.read('row/empty', { format: 'bytes' })).toEqual(new Uint8Array(0));
    },
  },
  {
    method: 'Filesystem#read',
    claim: 'what is not there, and a directory',
    async run({ client, sandbox }) {
      await expect(sandbox.files.read('row/nothing')).rejects.toBeInstanceOf(client.FileNotFoundError);
      await expect(sandbox.files.read('/etc')).rejects.toBeInstanceOf(client.InvalidArgumentError);
    },
  },
  {
    method: 'Filesystem#read',
    claim: 'eight mebibytes, as they were written',
    async run({ sandbox }) {
      const bytes = new Uint8Array(8 * 1024 * 1024).map((_, index) => (index * 31 + (index >> 8)) % 256);
      await sandbox.files.write('row/large', bytes.buffer);
      expect(Buffer.compare(await sandbox.files.read('row/large', { format: 'bytes' }), bytes)).toBe(0);
    },
  },
  {
    method: 'Filesystem#list',
    claim: 'entries of a directory, and of those below it',
    async run({ client, sandbox }) {
      await sandbox.files.write('row/list/a/b', 'x');
      await sandbox.files.write('row/list/c', 'yy');
      await sandbox.commands.run('ln -s c row/list/link');
      const flat = await sandbox.files.list('row/list');
      expect(flat.map(({ name, type }) => `${name} ${type}`).toSorted()).toEqual(['a dir', 'c file', 'link file']);
      expect(flat.find(({ name }) => name === 'link')?.symlinkTarget).toBe('/home/user/row/list/c');
      const deep = await sandbox.files.list('row/list', { depth: 2 });
      expect(deep.map(({ path }) => path)).toContain('/home/user/row/list/a/b');
      await expect(sandbox.files.list('row/nothing')).rejects.toBeInstanceOf(client.FileNotFoundError);
      await expect(sandbox.files.list('row/list/c')).rejects.toBeInstanceOf(client.InvalidArgumentError);
    },
  },
  {
    method: 'Filesystem#makeDir',
    claim: 'with its parents; false when it is there',
    async run({ sandbox }) {
      expect(await sandbox.files.makeDir('row/made/deep')).toBe(true);
      expect(await sandbox.files.makeDir('row/made/deep')).toBe(false);
      expect(await sandbox.files.getInfo('row/made')).toMatchObject({ type: 'dir', owner: 'user' });
    },
  },
  {
    method: 'Filesystem#rename',
    claim: 'to a place whose parents are not there yet',
    async run({ client, sandbox }) {
      await sandbox.files.write('row/old', 'moved');
      const moved = await sandbox.files.rename('row/old', 'row/far/away/new');
      expect(moved).toMatchObject({ name: 'new', path: '/home/user/row/far/away/new', type: 'file' });
      expect(await sandbox.files.read('row/far/away/new')).toBe('moved');
      await expect(sandbox.files.rename('row/old', 'row/x')).rejects.toBeInstanceOf(client.FileNotFoundError);
    },
  },
  {
    method: 'Filesystem#remove',
    claim: 'a file, a directory with what is in it, and nothing',
    async run({ sandbox }) {
      await sandbox.files.write('row/gone/deep/file', 'x');
      await sandbox.files.remove('row/gone');
      expect(await sandbox.files.exists('row/gone')).toBe(false);
      await sandbox.files.remove('row/gone');
    },
  },
  {
    method: 'Filesystem#exists',
    claim: 'whether it is there',
    async run({ sandbox }) {
      await sandbox.files.write('row/there', '');
      expect(await sandbox.files.exists('row/there')).toBe(true);
      expect(await sandbox.files.exists('~/row/there')).toBe(true);
      expect(await sandbox.files.exists('row/not-there')).toBe(false);
    },
  },
  {
    method: 'Filesystem#getInfo',
    claim: 'size, mode, owner, time',
    async run({ client, sandbox }) {
      await sandbox.files.write('row/info', '12345');
      await sandbox.commands.run('chmod 640 row/info');
      const info = await sandbox.files.getInfo('row/info');
      expect(info).toMatchObject({ name: 'info', type: 'file', size: 5, mode: 0o640, permissions: '-rw-r-----' });
      expect(info).toMatchObject({ path: '/home/user/row/info', owner: 'user', group: 'user' });
      expect(Math.abs((info.modifiedTime?.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
      await expect(sandbox.files.getInfo('row/nothing')).rejects.toBeInstanceOf(client.FileNotFoundError);
    },
  },
  {
    method: 'Filesystem#watchDir',
    claim: 'what is made, written and removed, in directories made later too',
    async run({ client, sandbox }) {
      await sandbox.files.makeDir('row/watched');
      const heard = new Heard<FilesystemEvent>();
      const watch = await sandbox.files.watchDir('row/watched', heard.tell, { recursive: true, timeoutMs: 0 });
      const sees = (type: FilesystemEvent['type'], name: string): Promise<void> =>
        heard.until((all) => all.some((event) => event.type === type && event.name === name));
      await sandbox.files.write('row/watched/file', 'x');
      await sees(client.FilesystemEventType.CREATE, 'file');
      await sees(client.FilesystemEventType.WRITE, 'file');
      await sandbox.files.write('row/watched/later/deep', 'x');
      await sees(client.FilesystemEventType.CREATE, 'later/deep');
      await sandbox.files.remove('row/watched/file');
      await sees(client.FilesystemEventType.REMOVE, 'file');
      await watch.stop();
      await expect(sandbox.files.watchDir('row/nothing', heard.tell)).rejects.toBeInstanceOf(client.FileNotFoundError);
    },
  },
  {
    method: 'Filesystem#watchDir',
    claim: 'with the entry itself, when it was asked for',
    async run({ sandbox }) {
      await sandbox.files.makeDir('row/entries');
      const heard = new Heard<FilesystemEvent>();
      const watch = await sandbox.files.watchDir('row/entries', heard.tell, { includeEntry: true, timeoutMs: 0 });
      await sandbox.files.write('row/entries/file', 'x');
      await heard.until((all) =>
        all.some(({ name, entry }) => name === 'file' && entry?.path.endsWith('/file') === true),
      );
      await watch.stop();
    },
  },
  {
    method: 'WatchHandle#stop',
    claim: 'nothing is told afterwards',
    async run({ sandbox }) {
      await sandbox.files.makeDir('row/stopped');
      const heard = new Heard<FilesystemEvent>();
      const ended = Promise.withResolvers<void>();
      const watch = await sandbox.files.watchDir('row/stopped', heard.tell, { onExit: () => ended.resolve() });
      await watch.stop();
      await ended.promise;
      await sandbox.files.write('row/stopped/file', 'x');
      expect(heard.all).toEqual([]);
    },
  },
];
