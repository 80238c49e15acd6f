import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { Runtime } from '../src/index.ts';
import { initOf } from './host-view.ts';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();
const mebibyte = 2 ** 20;
const diskDirectory = (id: string): string => join(used.place.dataDirectory, 'sandboxes', used.place.instance, id);
const loopsBelow = (path: string): string[] =>
  readdirSync('/sys/block')
    .filter((name) => name.startsWith('loop'))
    .map((name) => join('/sys/block', name, 'loop/backing_file'))
    .filter((file) => existsSync(file) && readFileSync(file, 'utf8').startsWith(path));

describe('a sandbox with its root on disk', () => {
  // Mutation: the record's `root` left out of what release keeps: the image goes with the stop.
  test('can be stopped and started: files stay, processes and memory do not, and it is another boot inside', async () => {
    await using sandbox = await used.runtime.create({ root: 'disk', limits: { rootBytes: 32 * mebibyte } });
    const bootBefore = await shell(sandbox, 'cat /proc/sys/kernel/random/boot_id');
    const lifecycleBefore = sandbox.lifecycleId;
    await shell(sandbox, 'echo kept > /root/file; chown 1000:1000 /root/file; echo gone > /dev/shm/file');
    const execution = await sandbox.exec(['sleep', 'infinity']);
    await sandbox.stop();
    expect(sandbox.state).toBe('stopped');
    expect(await execution.wait()).toMatchObject({ exitCode: null });
    expect(loopsBelow(diskDirectory(sandbox.id))).toEqual([]);
    await expect(sandbox.exec(['true'])).rejects.toMatchObject({ code: 'ERR_SANDBOX_STATE' });
    expect(used.runtime.get(sandbox.id)).toBe(sandbox);
    await sandbox.start();
    expect(sandbox.state).toBe('running');
    expect(sandbox.lifecycleId).not.toBe(lifecycleBefore);
    expect(await shell(sandbox, 'cat /root/file; stat -c %u:%g /root/file; ls /dev/shm')).toBe('kept\n1000:1000');
    expect(await shell(sandbox, 'cat /proc/sys/kernel/random/boot_id')).not.toBe(bootBefore);
  });

  // Mutation: the image made ten times as large.
  test('its size is its limit', async () => {
    await using sandbox = await used.runtime.create({ root: 'disk', limits: { rootBytes: 16 * mebibyte } });
    const result = await sandbox.run(['dd', 'if=/dev/zero', 'of=/root/big', 'bs=1M', 'count=64']);
    expect(result.exitCode).toBe(1);
    expect(result.stderr.toString()).toContain('No space left');
    expect(await shell(sandbox, 'rm /root/big; echo on')).toBe('on');
  });

  test('destroy takes the root, too, also of one that is stopped, or paused', async () => {
    for (const state of ['running', 'paused', 'stopped'] as const) {
      const sandbox = await used.runtime.create({ root: 'disk', limits: { rootBytes: 16 * mebibyte } });
      if (state === 'paused') await sandbox.pause();
      if (state === 'stopped') await sandbox.stop();
      expect(existsSync(diskDirectory(sandbox.id))).toBe(true);
      await sandbox.destroy();
      expect(existsSync(diskDirectory(sandbox.id))).toBe(false);
      expect(loopsBelow(used.place.dataDirectory)).toEqual([]);
    }
  });

  // Mutation: onLost() ends a sandbox on disk as any other.
  test('inv-73: one that loses its init is stopped, not destroyed: what it wrote is there at the next start', async () => {
    await using sandbox = await used.runtime.create({ root: 'disk', limits: { rootBytes: 16 * mebibyte } });
    await shell(sandbox, 'echo kept > /root/file');
    const execution = await sandbox.exec(['sleep', 'infinity']);
    process.kill(initOf(used.place.instance, sandbox.id), 'SIGKILL');
    expect(await execution.wait()).toMatchObject({ reason: 'lost' });
    await vi.waitUntil(() => sandbox.state === 'stopped', { timeout: 10_000 });
    await sandbox.start();
    expect(await shell(sandbox, 'cat /root/file')).toBe('kept');
  });

  // Mutation: #restart's catch does not tell the state.
  test('inv-43: one that cannot be started is listed as failed with its reason, and can be started again', async () => {
    await using sandbox = await used.runtime.create({ root: 'disk', limits: { rootBytes: 16 * mebibyte } });
    await sandbox.stop();
    const image = join(diskDirectory(sandbox.id), 'root.img');
    const content = readFileSync(image);
    writeFileSync(image, 'no filesystem');
    await expect(sandbox.start()).rejects.toMatchObject({ step: expect.stringContaining('disk') });
    expect(sandbox.state).toBe('failed');
    expect(sandbox.failure).toContain('mount the root on disk');
    expect(used.runtime.list()).toContain(sandbox);
    writeFileSync(image, content);
    await sandbox.start();
    expect(await shell(sandbox, 'echo works')).toBe('works');
  });

  // Mutation: adoptWithoutRecord does not look at the data directory.
  test('inv-76: a stopped one is there after a reboot, byte for byte', async () => {
    const { runDirectory, dataDirectory, instance } = used.place;
    const name = `${instance}-reboot`;
    const first = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance: name });
    const before = await first.create({ id: 'rebooted', root: 'disk', limits: { rootBytes: 32 * mebibyte } });
    await shell(before, 'head -c 5000000 /dev/urandom > /root/random; echo x > "$(printf "/root/a\\nb")"');
    const digest = await shell(before, 'cd /root; cat * | sha256sum; ls -b');
    await before.stop();
    await first.close({ sandboxes: 'keep' });
    // What a reboot leaves: nothing of the run directory.
    const { rmSync } = await import('node:fs');
    rmSync(join(runDirectory, 'instances', name), { recursive: true });
    await using second = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance: name });
    const [after] = second.list();
    expect(after).toMatchObject({ id: 'rebooted', state: 'stopped' });
    await after?.start();
    expect(after === undefined ? '' : await shell(after, 'cd /root; cat * | sha256sum; ls -b')).toBe(digest);
  });
});

// Mutation: statfs of the host's root.
test('stats() tells what the root holds and can hold, in memory as on disk, and what of the memory is files', async () => {
  for (const root of ['memory', 'disk'] as const) {
    await using sandbox = await used.runtime.create({ root, limits: { rootBytes: 64 * mebibyte } });
    const before = await sandbox.stats();
    await shell(sandbox, 'head -c 16777216 /dev/urandom > /root/file; sync');
    const after = await sandbox.stats();
    expect(after.rootBytes).toBeGreaterThan(48 * mebibyte);
    expect(after.rootBytes).toBeLessThanOrEqual(64 * mebibyte);
    expect(after.rootUsedBytes - before.rootUsedBytes).toBeGreaterThanOrEqual(16 * mebibyte);
    expect(after.rootUsedBytes - before.rootUsedBytes).toBeLessThan(20 * mebibyte);
    const { cacheBytes, memoryBytes } = after;
    if (cacheBytes === undefined || memoryBytes === undefined) continue;
    expect(cacheBytes).toBeGreaterThanOrEqual(8 * mebibyte);
    expect(cacheBytes).toBeLessThanOrEqual(memoryBytes);
  }
});

test('stop() of a sandbox in memory is refused with its remedy, and it runs on', async () => {
  await using sandbox = await used.runtime.create();
  await expect(sandbox.stop()).rejects.toMatchObject({
    code: 'ERR_NOT_SUPPORTED',
    message: expect.stringContaining("root: 'disk'"),
  });
  await expect(sandbox.start()).rejects.toMatchObject({ code: 'ERR_SANDBOX_STATE' });
  expect(await shell(sandbox, 'echo on')).toBe('on');
});
