import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Sandbox } from '../src/index.ts';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();

/** A file of the host that no sandbox may read or change. */
function plantCanary(): { directory: string; path: string; content: string } {
  const directory = mkdtempSync(join(tmpdir(), 'hatchery-canary-'));
  const path = join(directory, 'canary');
  const content = 'of the host';
  writeFileSync(path, content);
  onTestFinished(() => {
    expect(readFileSync(path, 'utf8')).toBe(content);
    rmSync(directory, { recursive: true });
  });
  return { directory, path, content };
}

/** Every call that takes a path, on this one. */
function callsOn({ files }: Sandbox, path: string): Record<string, () => Promise<unknown>> {
  return {
    read: () => files.read(path),
    readStream: () => buffer(files.readStream(path)),
    write: () => files.write(path, 'x'),
    append: () => files.write(path, 'x', { append: true }),
    'write of a stream': () => files.write(path, Readable.from(['x'], { objectMode: false })),
    list: () => files.list(path),
  };
}

describe('paths of a hostile root', () => {
  // Mutation: Resolve.inRoot left out in blocking-io.
  test('F02, inv-56: .., //, %2e%2e and absolute symlinks stay in the root', async () => {
    const canary = plantCanary();
    await using sandbox = await used.runtime.create();
    const { files } = sandbox;
    const up = '../'.repeat(40);
    await shell(
      sandbox,
      `ln -s ${canary.path} /srv/absolute; ln -s ${up}${canary.path.slice(1)} /srv/relative; ln -s / /srv/root`,
    );
    for (const path of ['/srv/absolute', '/srv/relative', `/${up}${canary.path}`, `/srv/root/${up}${canary.path}`]) {
      await expect(files.read(path), path).rejects.toMatchObject({ code: 'ERR_FILE_NOT_FOUND' });
    }
    // What they lead to is made inside.
    await files.write(`${up}${canary.path}`, 'of the sandbox');
    for (const path of ['/srv/absolute', '/srv/relative', canary.path, `//srv//root//..${canary.path}`])
      expect((await files.read(path)).toString(), path).toBe('of the sandbox');
    expect(readFileSync(canary.path, 'utf8')).toBe(canary.content);
    await files.write('/srv/%2e%2e/x', 'x');
    expect(await shell(sandbox, 'ls -A /srv/%2e%2e')).toBe('x');
    expect(await files.stat('/..')).toMatchObject({ path: expect.stringMatching(/^\//), type: 'directory' });
    await files.remove(canary.directory);
    expect(existsSync(canary.path)).toBe(true);
  });

  test('F02: a chain of 41 symlinks, or one in a circle, is ERR_FILE_PATH', async () => {
    await using sandbox = await used.runtime.create();
    const { files } = sandbox;
    await shell(sandbox, 'cd /srv; echo end > 0; for i in $(seq 41); do ln -s $((i-1)) $i; done; ln -s circle circle');
    expect((await files.read('/srv/40')).toString()).toBe('end\n');
    for (const path of ['/srv/41', '/srv/circle']) {
      await expect(files.read(path)).rejects.toMatchObject({ code: 'ERR_FILE_PATH' });
      await expect(files.write(path, 'x')).rejects.toMatchObject({ code: 'ERR_FILE_PATH' });
      expect(await files.stat(path)).toMatchObject({ type: 'symlink' });
    }
  });

  // Mutation: files of the kernel's own not refused in blocking-io. (Without Resolve.noMagicLinks that alone still refuses them.)
  test('F03: magic links of /proc lead nowhere', async () => {
    const canary = plantCanary();
    await using sandbox = await used.runtime.create();
    const execution = await sandbox.exec(['sleep', '1000']);
    for (const path of [
      `/proc/1/root${canary.path}`,
      `/proc/${execution.pid}/root/etc/passwd`,
      `/proc/${execution.pid}/fd/0`,
      `/proc/${execution.pid}/cwd/x`,
      `/proc/self/root${canary.path}`,
      '/proc/self/fd/0',
      '/proc/self/environ',
      '/proc/1/environ',
      '/proc/thread-self/root/etc/passwd',
    ])
      for (const [name, call] of Object.entries(callsOn(sandbox, path)))
        await expect(call(), `${name} of ${path}`).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_FILE_/) });
    await execution.kill();
  });
});

describe('what is no file', () => {
  // Mutation: what is no regular file not refused in blocking-io.
  test('F04: a FIFO without a peer, a socket and devices refuse content at once', async () => {
    await using sandbox = await used.runtime.create();
    const { files } = sandbox;
    await shell(
      sandbox,
      `mkfifo /srv/fifo; python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('/srv/socket')"`,
    );
    for (const path of ['/srv/fifo', '/srv/socket', '/dev/zero', '/dev/null', '/dev/tty', '/dev/ptmx'])
      for (const [name, call] of Object.entries(callsOn(sandbox, path)))
        await expect(call(), `${name} of ${path}`).rejects.toMatchObject({
          code: expect.stringMatching(/^ERR_FILE_(TYPE|NOT_FOUND|PERMISSION)$/),
        });
    expect(await files.stat('/srv/fifo')).toMatchObject({ type: 'other' });
    expect(await files.exists('/srv/fifo')).toBe(true);
    await files.rename('/srv/fifo', '/srv/pipe');
    await files.remove('/srv/pipe');
    expect(await files.exists('/srv/pipe')).toBe(false);
  });

  // Mutation: files of the kernel's own not refused in blocking-io.
  test('F06: /proc/kmsg and other endless files are refused, whoever asks', async () => {
    await using sandbox = await used.runtime.create();
    for (const path of ['/proc/kmsg', '/proc/kcore', '/dev/kmsg', '/dev/urandom', '/dev/full'])
      await expect(sandbox.files.read(path), path).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_FILE_/) });
    // The kernel would answer this process, with all its rights, instead of somebody inside.
    await expect(sandbox.files.read('/proc/version')).rejects.toMatchObject({ code: 'ERR_FILE_TYPE' });
  });

  test('F06: a file that grows as it is read ends where the limit is, and its reader can leave', async () => {
    await using sandbox = await used.runtime.create();
    const { files } = sandbox;
    await files.write('/tmp/log', Buffer.alloc(4_000_000));
    const grow = await sandbox.exec(['sh', '-c', 'while :; do head -c 65536 /dev/zero >> /tmp/log || sleep 0.1; done']);
    await expect(files.read('/tmp/log', { maxBytes: 90_000 })).rejects.toMatchObject({ code: 'ERR_FILE_TOO_LARGE' });
    expect(await files.read('/tmp/log', { length: 100_000 })).toHaveLength(100_000);
    let seen = 0;
    for await (const chunk of files.readStream('/tmp/log')) {
      seen += (chunk as Buffer).length;
      if (seen > 1_000_000) break;
    }
    expect(seen).toBeGreaterThan(1_000_000);
    await grow.kill();
  });

  // Mutation: O_NONBLOCK left out where content is opened: the call waits for the holder.
  test('a file with a lease on it is ERR_FILE_BUSY, and no call waits for who holds it', async () => {
    await using sandbox = await used.runtime.create();
    await sandbox.files.write('/tmp/leased', 'x');
    const hold =
      'import fcntl, sys, time, signal; signal.signal(signal.SIGIO, signal.SIG_IGN); f = open("/tmp/leased", "r+"); fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK); print("held", flush=True); time.sleep(1000)';
    const holder = await sandbox.exec(['python3', '-c', hold]);
    for await (const chunk of holder.stdout) if (String(chunk).includes('held')) break;
    for (const [name, call] of Object.entries(callsOn(sandbox, '/tmp/leased')))
      if (name !== 'list') await expect(call(), name).rejects.toMatchObject({ code: 'ERR_FILE_BUSY' });
    expect(await sandbox.files.stat('/tmp/leased')).toMatchObject({ size: 1 });
  });
});
