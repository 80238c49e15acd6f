import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { cloneTree, closeFd, currentDirectory, makeDiskImage, makePipe, mountDiskImage } from '@hatchery/linux';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readToEnd } from './kernel/read-to-end.ts';
import { readable, SandboxFixture, type TestSandbox } from './kernel/sandbox-fixture.ts';

const mebibyte = 1 << 20;

/** Down to the last block. */
function fillUp(path: string): void {
  const fd = openSync(path, 'w');
  for (const size of [mebibyte, 4096]) {
    try {
      for (;;) writeSync(fd, Buffer.alloc(size));
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOSPC' });
    }
  }
  closeSync(fd);
}

function mappedRoot(sandbox: TestSandbox): string {
  return `/proc/${sandbox.pid}/root`;
}

describe.each(['hatchery-shim', 'hatchery-shim-asan'] as const)('a writable layer that is kept: %s', (variant) => {
  const fixture = new SandboxFixture(variant);
  let image = '';
  beforeEach((context) => {
    if (!existsSync('/dev/loop-control')) context.skip('needs loop devices');
    if (!existsSync('/usr/sbin/mkfs.ext4')) context.skip('needs mkfs.ext4 (e2fsprogs)');
    image = join(fixture.directory, 'disk');
    makeDiskImage(image, 32 * mebibyte);
  });
  afterEach(() => rmSync(image, { force: true }));

  /** A lifecycle on the image; with its end nothing holds the image any more. */
  async function start(
    options: { bootId?: string; layersByPath?: boolean; extra?: string } = {},
  ): Promise<TestSandbox> {
    const zygote = await fixture.zygote({ layersByPath: options.layersByPath ?? false });
    const upper = mountDiskImage(image);
    const paths = [fixture.image, ...(options.extra === undefined ? [] : [options.extra])];
    const layers = paths.map((path) => fixture.own(cloneTree(currentDirectory, path)));
    const layerTargets = ['/', '/opt'].slice(0, layers.length);
    try {
      const sandbox = await fixture.make(zygote, {
        upper,
        layers,
        layerTargets,
        bootId: options.bootId ?? randomUUID(),
      });
      const { root } = await sandbox.init.parked;
      closeFd(root);
      await sandbox.start();
      return sandbox;
    } finally {
      closeFd(upper);
    }
  }

  async function stop(sandbox: TestSandbox): Promise<void> {
    sandbox.init.close();
    await readable(sandbox.pidfd);
  }

  async function output(sandbox: TestSandbox, argv: readonly string[]): Promise<string> {
    const [from, to] = makePipe();
    await sandbox.exec(argv, { stdout: to });
    closeFd(to);
    return (await readToEnd(from)).trim();
  }

  // Mutation: root_prepare_writable without MOUNT_ATTR_IDMAP; owner_of_upper with first_id for a kept one.
  test('files are on disk with ids from 0, and the next lifecycle has them as its own, whatever its range', async () => {
    const first = await start();
    expect(await output(first, ['guest', 'fill', '/made'])).toMatch(/^2\d MiB, ENOSPC$/);
    const owner = lstatSync(`${mappedRoot(first)}/made`).uid;
    expect(owner % 65_536).toBe(0);
    writeFileSync(`${mappedRoot(first)}/made`, 'content');
    await stop(first);
    const disk = mountDiskImage(image, { waitMs: 10_000 });
    const { uid, gid, mode } = lstatSync(`/proc/self/fd/${disk}/u0/made`);
    expect({ uid, gid, mode: mode & 0o777 }).toEqual({ uid: 0, gid: 0, mode: 0o640 });
    expect(readdirSync(`/proc/self/fd/${disk}`).toSorted()).toEqual(['lost+found', 'u0', 'w0']);
    closeFd(disk);
    const second = await start();
    expect(await output(second, ['guest', 'cat', '/made'])).toBe('content');
    const later = lstatSync(`${mappedRoot(second)}/made`).uid;
    expect(later % 65_536).toBe(0);
    expect(later).not.toBe(owner);
    await stop(second);
  });

  // Mutation: create_overlay without the return for a kept upper: volatile, and the second mount is refused.
  test('what runs inside can do everything that it can on a tmpfs, and the overlay is not volatile', async () => {
    writeFileSync(join(fixture.image, 'lower'), 'below');
    const sandbox = await start();
    const lines = readFileSync(`/proc/${sandbox.pid}/mountinfo`, 'utf8').split('\n');
    const root = lines.find((line) => line.split(' ')[4] === '/') ?? '';
    expect(root).toMatch(/ rw,.* - overlay .* rw,/);
    expect(root).not.toContain('volatile');
    expect(root).toMatch(/^\d+ \d+ \d+:\d+ \/ \/ [^ ]*nodev/);
    // A change, a removal (a whiteout) and a new name for what comes from the layer below.
    expect(await output(sandbox, ['guest', 'change', '/lower'])).toBe('changed, renamed, removed');
    expect(readFileSync(join(fixture.image, 'lower'), 'utf8')).toBe('below');
    expect(existsSync(`${mappedRoot(sandbox)}/lower`)).toBe(false);
    await stop(sandbox);
    rmSync(join(fixture.image, 'lower'));
  });

  // Mutation: make_directory without its first line: chmod again; fchmodat left out.
  test('the directory of each layer is made once, like the layer’s own, and then kept as the sandbox left it', async () => {
    const extra = join(fixture.directory, 'extra');
    mkdirSync(extra, { recursive: true, mode: 0o755 });
    chmodSync(extra, 0o751);
    chownSync(extra, 7, 8);
    const first = await start({ extra });
    const made = statSync(`${mappedRoot(first)}/opt`);
    expect({ uid: made.uid % 65_536, gid: made.gid % 65_536, mode: made.mode & 0o7777 }).toEqual({
      uid: 7,
      gid: 8,
      mode: 0o751,
    });
    chmodSync(`${mappedRoot(first)}/opt`, 0o700);
    await stop(first);
    const second = await start({ extra });
    const kept = statSync(`${mappedRoot(second)}/opt`);
    expect({ uid: kept.uid % 65_536, mode: kept.mode & 0o7777 }).toEqual({ uid: 7, mode: 0o700 });
    await stop(second);
  });

  // Mutation: boot_id_write on the kept upper: the full one does not start; own_new_files(0) left out: the file is root's.
  test('a full one still starts, and shows the new boot id', async () => {
    const first = await start();
    expect(await output(first, ['guest', 'fill', '/a'])).toContain('ENOSPC');
    expect(await output(first, ['guest', 'fill', '/b'])).toContain('ENOSPC');
    await stop(first);
    const bootId = randomUUID();
    const second = await start({ bootId });
    expect(await output(second, ['guest', 'cat', '/proc/sys/kernel/random/boot_id'])).toBe(bootId);
    expect(await output(second, ['guest', 'spoil', '/proc/sys/kernel/random/boot_id'])).toMatch(/^write EACCES$/m);
    expect(await output(second, ['guest', 'fill', '/c'])).toContain('ENOSPC');
    await stop(second);
  });

  // Mutation: attach_scratch that returns at once by path, as for a tmpfs.
  test('layers by path, as before Linux 6.13, make the same sandbox', async () => {
    const bootId = randomUUID();
    const sandbox = await start({ layersByPath: true, bootId });
    expect(await output(sandbox, ['guest', 'fill', '/made'])).toMatch(/^2\d MiB, ENOSPC$/);
    expect(await output(sandbox, ['guest', 'cat', '/proc/sys/kernel/random/boot_id'])).toBe(bootId);
    await stop(sandbox);
    const disk = mountDiskImage(image, { waitMs: 10_000 });
    expect(lstatSync(`/proc/self/fd/${disk}/u0/made`).uid).toBe(0);
    closeFd(disk);
  });

  // Mutation: refuse_read_only left out; own_new_files(first_id) left out.
  test('one that cannot be written, or is no mount, is refused by its step, and nothing holds it', async () => {
    const zygote = await fixture.zygote();
    const notAMount = await fixture.make(zygote, { upper: fixture.nothing });
    await expect(notAMount.init.parked).rejects.toMatchObject({ step: 'prepare the writable layer' });
    const attached = await fixture.make(zygote, { upper: fixture.open(fixture.directory) });
    await expect(attached.init.parked).rejects.toMatchObject({ step: 'prepare the writable layer' });
    for (const made of [notAMount, attached]) await readable(made.pidfd);
    // Full before overlayfs has made its own directory in the work directory.
    const disk = mountDiskImage(image);
    for (const name of ['u0', 'w0']) mkdirSync(`/proc/self/fd/${disk}/${name}`);
    fillUp(`/proc/self/fd/${disk}/file`);
    const full = await fixture.make(zygote, { upper: disk });
    closeFd(disk);
    await expect(full.init.parked).rejects.toMatchObject({ step: 'mount the root', code: 'EROFS' });
    await readable(full.pidfd);
    closeFd(mountDiskImage(image));
  });
});
