import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { closeFd, DiskImageError, LinuxError, makeDiskImage, mountDiskImage } from '../src/index.ts';
import { openDescriptors } from './open-descriptors.ts';

const mebibyte = 1 << 20;
const program = fileURLToPath(new URL('programs/mount-and-hold.ts', import.meta.url));

let directory: string;
let mounts: string;
let descriptors: readonly string[];
let children: ChildProcess[];

beforeEach((context) => {
  if (process.getuid?.() !== 0) context.skip('needs root, to mount');
  if (spawnSync('mkfs.ext4', ['-V']).error !== undefined) context.skip('mkfs.ext4 is not installed (e2fsprogs)');
  if (!existsSync('/dev/loop-control')) context.skip('needs loop devices');
  mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  descriptors = openDescriptors();
  directory = mkdtempSync(join(tmpdir(), 'hatchery-disk-'));
  children = [];
});
afterEach(async () => {
  for (const child of children) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  expect(loopsOf(directory), 'loop devices left behind').toEqual([]);
  rmSync(directory, { recursive: true });
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(mounts);
  expect(openDescriptors()).toEqual(descriptors);
});

/** Backing files below a directory, of the machine's loop devices. */
function loopsOf(path: string): string[] {
  return readdirSync('/sys/block')
    .map(backingFileOf)
    .filter((file) => file.startsWith(path));
}

/** Empty for what is no loop device, or none any more: others come and go beside these. */
function backingFileOf(name: string): string {
  try {
    return readFileSync(`/sys/block/${name}/loop/backing_file`, 'utf8').trim();
  } catch {
    return '';
  }
}

function image(bytes = 16 * mebibyte): string {
  const path = join(directory, 'image');
  makeDiskImage(path, bytes);
  return path;
}

function refusal(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return 'not refused';
}

/** Another process that holds a mount of the image. */
async function holder(path: string, times = 1): Promise<ChildProcess> {
  const args = ['--conditions=@hatchery/source', program, path, String(times)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  // Its exit code instead, when it could not.
  const [said] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  expect(String(said)).toBe('mounted\n');
  return child;
}

// Mutation: ftruncateSync of twice the bytes; mkfs without -m 0, without lazy_itable_init.
test('an image is a sparse file of the size asked for, of its owner alone, and no more than that fits in', () => {
  const path = image(64 * mebibyte);
  const { size, blocks, mode } = statSync(path);
  expect({ size, mode: mode & 0o777 }).toEqual({ size: 64 * mebibyte, mode: 0o600 });
  expect(blocks * 512).toBeLessThan(2 * mebibyte);
  const mount = mountDiskImage(path);
  // Root keeps nothing back (it would be 5 %); the kernel itself does, 2 %.
  const { blocks: all, bfree, bavail } = statfsSync(`/proc/self/fd/${mount}`);
  expect(bfree - bavail).toBeLessThan(all * 0.03);
  const file = `/proc/self/fd/${mount}/file`;
  expect(refusal(() => writeFileSync(file, Buffer.alloc(65 * mebibyte)))).toMatchObject({ code: 'ENOSPC' });
  const written = statSync(file).size;
  expect(written).toBeGreaterThan(48 * mebibyte);
  expect(written).toBeLessThan(64 * mebibyte);
  closeFd(mount);
});

// Mutation: LO_FLAGS_AUTOCLEAR left out: the device stays.
test('what is in it stays, and with the last descriptor everything that held it goes', () => {
  const path = image();
  const first = mountDiskImage(path);
  expect(loopsOf(directory)).toEqual([path]);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(mounts);
  writeFileSync(`/proc/self/fd/${first}/kept`, 'content');
  chmodSync(`/proc/self/fd/${first}/kept`, 0o640);
  closeFd(first);
  expect(loopsOf(directory)).toEqual([]);
  const second = mountDiskImage(path);
  expect(readFileSync(`/proc/self/fd/${second}/kept`, 'utf8')).toBe('content');
  expect(statSync(`/proc/self/fd/${second}/kept`).mode & 0o777).toBe(0o640);
  closeFd(second);
});

// Mutation: awaitLock left out: both mount it.
test('an image that is mounted is refused, in this process and from another, until that one is gone', async () => {
  const path = image();
  const mine = mountDiskImage(path);
  const busy = { name: 'DiskImageError', code: 'ERR_DISK_IMAGE_IN_USE', path };
  expect(refusal(() => mountDiskImage(path))).toMatchObject(busy);
  closeFd(mine);
  const other = await holder(path);
  expect(refusal(() => mountDiskImage(path, { waitMs: 20 }))).toMatchObject({
    ...busy,
    message: expect.stringContaining('mounted already, also after 20 ms'),
  });
  other.kill('SIGKILL');
  // Nothing else waits for the other's end: its mount and its lock go with it.
  closeFd(mountDiskImage(path, { waitMs: 30_000 }));
});

// Mutation: LO_FLAGS_AUTOCLEAR left out.
test('SIGKILL at any time of mounting and unmounting leaves no loop device', async () => {
  const path = image();
  for (let round = 0; round < 5; round++) {
    const child = await holder(path);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(loopsOf(directory)).toEqual([]);
    const busy = spawn(process.execPath, ['--conditions=@hatchery/source', program, path, '1000000'], {
      stdio: 'ignore',
    });
    children.push(busy);
    // It takes the image and lets go of it over and over; the moment that this ends at is a different one each time.
    while (loopsOf(directory).length === 0) await setImmediate();
    busy.kill('SIGKILL');
    await once(busy, 'exit');
    expect(loopsOf(directory)).toEqual([]);
  }
}, 60_000);

// Mutation: EBUSY of LOOP_CONFIGURE thrown.
test('several processes that mount at once each get a device of their own', async () => {
  const paths = Array.from({ length: 4 }, (_, index) => join(directory, `image-${index}`));
  for (const path of paths) makeDiskImage(path, 16 * mebibyte);
  await Promise.all(paths.map((path) => holder(path, 20)));
  expect(loopsOf(directory).toSorted()).toEqual(paths);
}, 60_000);

// Mutation: unlinkSync left out.
test('a missing mkfs.ext4 is told by name with its package, a failing one with what it said, and no file stays', () => {
  const path = join(directory, 'image');
  const missing = refusal(() => makeDiskImage(path, 16 * mebibyte, { mkfs: join(directory, 'mkfs.ext4') }));
  expect(missing).toBeInstanceOf(DiskImageError);
  expect(missing).toMatchObject({
    code: 'ERR_MKFS_MISSING',
    path,
    message: expect.stringMatching(/mkfs\.ext4.*apt-get install e2fsprogs/),
  });
  expect(refusal(() => makeDiskImage(path, 4096))).toMatchObject({
    code: 'ERR_MKFS_FAILED',
    message: expect.stringContaining(`mkfs.ext4 ended with 1: ${path}: Not enough space to build proposed filesystem`),
  });
  expect(refusal(() => makeDiskImage(path, -1))).toBeInstanceOf(RangeError);
  expect(refusal(() => makeDiskImage(path, 16 * mebibyte, { mkfs: program }))).toBeInstanceOf(LinuxError);
  expect(readdirSync(directory)).toEqual([]);
});

// Mutation: 'wx+' to 'w+'.
test('a file that is there is not touched', () => {
  const path = join(directory, 'image');
  writeFileSync(path, 'mine');
  expect(refusal(() => makeDiskImage(path, 16 * mebibyte))).toMatchObject({ code: 'EEXIST' });
  expect(readFileSync(path, 'utf8')).toBe('mine');
});

// Mutation: closeFd(device) left out; closeFd(image).
test('what is no ext4 is refused, and nothing is held of it', () => {
  const path = join(directory, 'image');
  writeFileSync(path, '');
  truncateSync(path, 16 * mebibyte);
  expect(refusal(() => mountDiskImage(path))).toMatchObject({
    name: 'LinuxError',
    code: 'EINVAL',
    syscall: 'fsconfig',
  });
  expect(refusal(() => mountDiskImage(join(directory, 'none')))).toMatchObject({ code: 'ENOENT', syscall: 'openat2' });
});

// Mutation: attach() of mount-disk-image.ts passes every error on.
test('a machine that gives no loop devices says so, with what is missing', () => {
  const path = image();
  const code = `import { mountDiskImage } from ${JSON.stringify(join(import.meta.dirname, '../src/index.ts'))};
    try { mountDiskImage(${JSON.stringify(path)}); } catch (error) { process.stdout.write(String(error)); }`;
  const script = 'mount -t tmpfs none /dev && exec "$0" --conditions=@hatchery/source --input-type=module -e "$1"';
  const said = execFileSync('unshare', ['--mount', 'sh', '-c', script, process.execPath, code], { encoding: 'utf8' });
  expect(said).toMatch(
    /ERR_NO_LOOP_DEVICE.*open\("\/dev\/loop-control"\)|ERR_NO_LOOP_DEVICE.*"\/dev\/loop-control": ENOENT/,
  );
});
