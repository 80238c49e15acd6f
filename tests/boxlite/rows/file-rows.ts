import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { shell } from '../client.ts';
import type { Row } from '../row.ts';

const longName = `${'long-'.repeat(40)}größe`;

/** Files in and out, which go as tar. */
export const fileRows: readonly Row[] = [
  {
    method: 'JsBox#copyIn',
    claim: 'one file, to a new path, over a file, and into a directory',
    async run({ fresh, directory }) {
      const box = await fresh();
      const source = join(directory, 'file.txt');
      writeFileSync(source, 'hello\n');
      await box.copyIn(source, '/srv/new/deep/named');
      await shell(box, 'echo old > /home/user/old; mkdir /home/user/there');
      await box.copyIn(source, '/home/user/old');
      await box.copyIn(source, '/home/user/there');
      await box.copyIn(source, '/home/user/with-slash/');
      expect(await shell(box, 'cd /home/user; cat /srv/new/deep/named old there/file.txt with-slash/file.txt')).toBe(
        'hello\n'.repeat(4),
      );
      // Nothing is left beside their places.
      expect(await shell(box, 'ls -A /srv /srv/new/deep ~ ~/there')).not.toContain('incoming');
      await expect(box.copyIn(source, '/home/user/old', { overwrite: false })).rejects.toThrow(/^unsupported: /);
    },
  },
  {
    method: 'JsBox#copyIn',
    claim: 'a directory with everything in it, one that holds a single file too',
    async run({ fresh, directory }) {
      const box = await fresh();
      mkdirSync(join(directory, 'tree/sub'), { recursive: true });
      writeFileSync(join(directory, 'tree', longName), 'long');
      writeFileSync(join(directory, 'tree/sub/run.sh'), '#!/bin/sh\necho ran', { mode: 0o755 });
      mkdirSync(join(directory, 'single'));
      writeFileSync(join(directory, 'single/only'), 'only');
      await box.copyIn(join(directory, 'tree'), '/tmp/tree');
      await box.copyIn(join(directory, 'single'), '/tmp/single');
      expect(await shell(box, `cd /tmp; cat 'tree/${longName}' single/only; tree/sub/run.sh`)).toBe('longonlyran\n');
    },
  },
  {
    method: 'JsBox#copyIn',
    claim: 'a place where no file can be',
    async run({ fresh, directory }) {
      const box = await fresh();
      writeFileSync(join(directory, 'file'), 'x');
      await expect(box.copyIn(join(directory, 'file'), '/etc/passwd/below')).rejects.toThrow(/invalid argument: /);
      await expect(box.copyIn(join(directory, 'file'), '/proc/file')).rejects.toThrow();
    },
  },
  {
    method: 'JsBox#copyOut',
    claim: 'one file is a file, byte for byte, its name long or not, by a symlink too',
    async run({ fresh, directory }) {
      const box = await fresh();
      await shell(
        box,
        `cd /home/user; head -c 3000000 /dev/urandom > '${longName}'; ln -s '${longName}' link; : > empty`,
      );
      const sum = (await shell(box, `sha256sum < '/home/user/${longName}'`)).slice(0, 64);
      for (const name of [longName, 'link']) {
        const to = join(directory, name.slice(0, 8));
        await box.copyOut(`/home/user/${name}`, to);
        expect(createHash('sha256').update(readFileSync(to)).digest('hex')).toBe(sum);
      }
      await box.copyOut('/home/user/empty', join(directory, 'empty'));
      expect(statSync(join(directory, 'empty'))).toMatchObject({ size: 0 });
    },
  },
  {
    method: 'JsBox#copyOut',
    claim: 'a directory is one, with a single file in it, without any, and with links',
    async run({ fresh, directory }) {
      const box = await fresh();
      await shell(
        box,
        'mkdir -p /tmp/single /tmp/none /tmp/tree/sub; echo x > /tmp/single/only; cd /tmp/tree; echo y > sub/file; ln -s sub/file soft; ln sub/file hard',
      );
      await box.copyOut('/tmp/single', join(directory, 'single'));
      await box.copyOut('/tmp/none', join(directory, 'none'));
      await box.copyOut('/tmp/tree', join(directory, 'tree'));
      expect(readFileSync(join(directory, 'single/only'), 'utf8')).toBe('x\n');
      expect(readdirSync(join(directory, 'none'))).toEqual([]);
      expect(readdirSync(join(directory, 'tree'))).toEqual(['hard', 'soft', 'sub']);
      expect(readFileSync(join(directory, 'tree/hard'), 'utf8')).toBe('y\n');
      expect(readlinkSync(join(directory, 'tree/soft'))).toBe('sub/file');
    },
  },
  {
    method: 'JsBox#copyOut',
    claim: 'a path where nothing is, and one that is no file',
    async run({ fresh, directory }) {
      const box = await fresh();
      await shell(box, 'mkfifo /home/user/fifo');
      await expect(box.copyOut('/home/user/none', join(directory, 'none'))).rejects.toThrow(
        /not found: .*\/home\/user\/none/,
      );
      await expect(box.copyOut('/home/user/fifo', join(directory, 'fifo'))).rejects.toThrow(/invalid argument: .*FIFO/);
    },
  },
  {
    method: 'SimpleBox#copyIn',
    claim: 'a symlink of this host is what it leads to',
    async run({ client, runtime, directory }) {
      const box = new client.SimpleBox({ runtime, image: 'base' });
      writeFileSync(join(directory, 'file'), 'content');
      symlinkSync('file', join(directory, 'link'));
      try {
        await box.copyIn(join(directory, 'link'), '/home/user/link');
        expect((await box.exec('cat', '/home/user/link')).stdout).toBe('content');
      } finally {
        await runtime.remove(await box.getId(), true);
      }
    },
  },
  {
    method: 'SimpleBox#copyOut',
    claim: 'what a command has written',
    async run({ client, runtime, directory }) {
      const box = new client.SimpleBox({ runtime, image: 'base' });
      try {
        await box.exec('sh', '-c', 'echo result > /home/user/result');
        await box.copyOut('/home/user/result', join(directory, 'result'));
        expect(readFileSync(join(directory, 'result'), 'utf8')).toBe('result\n');
      } finally {
        await runtime.remove(await box.getId(), true);
      }
    },
  },
];
