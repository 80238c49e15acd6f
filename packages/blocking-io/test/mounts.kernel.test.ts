import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeFd, DiskImageError, openPidfd, registeredFds, VolumeError } from '@hatchery/linux';
import { expect, onTestFinished, test } from 'vitest';
import { BlockingPool } from '../src/index.ts';
import { inhabit } from './user-namespace-inhabitant.ts';

function mounted(path: string): boolean {
  return readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${path} `);
}

test('a tree with a mount in it is not removed through it; once that is unmounted the tree goes', async (context) => {
  if (process.getuid?.() !== 0) context.skip('needs root, to mount');
  const directory = mkdtempSync(join(tmpdir(), 'hatchery-mounts-'));
  const inner = join(directory, 'tree/inner');
  mkdirSync(inner, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', 'hatchery-test', inner]);
  onTestFinished(() => {
    if (mounted(inner)) execFileSync('umount', [inner]);
    rmSync(directory, { recursive: true });
  });
  writeFileSync(join(inner, 'file'), '');
  await using pool = await BlockingPool.open();
  const removal = pool.run('removeTree', { directory, name: 'tree' });
  await expect(removal).rejects.toMatchObject({ code: expect.stringMatching(/^(EXDEV|EBUSY)$/) as string });
  expect(existsSync(join(inner, 'file'))).toBe(true);
  await pool.run('unmount', { path: inner });
  expect(mounted(inner)).toBe(false);
  await expect(pool.run('unmount', { path: inner })).rejects.toMatchObject({ code: 'EINVAL' });
  expect(await pool.run('removeTree', { directory, name: 'tree' })).toEqual({ removed: 2 });
});

test('a disk image is made, mounted for the calling thread, and let go of with its descriptor', async (context) => {
  if (process.getuid?.() !== 0) context.skip('needs root, to mount');
  const directory = mkdtempSync(join(tmpdir(), 'hatchery-image-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'image');
  await using pool = await BlockingPool.open({ threads: 1 });
  await pool.run('makeDiskImage', { path, bytes: 16 * 2 ** 20 });
  const { fd } = await pool.run('mountDiskImage', { path });
  expect(registeredFds()).toContain(fd);
  expect(readdirSync(`/proc/self/fd/${fd}`)).toEqual(['lost+found']);
  const second: unknown = await pool.run('mountDiskImage', { path }).catch((error: unknown) => error);
  expect(second).toBeInstanceOf(DiskImageError);
  expect(second).toMatchObject({ code: 'ERR_DISK_IMAGE_IN_USE', path });
  await pool.run('closeDescriptor', { fd });
  const again = await pool.run('mountDiskImage', { path, waitMs: 5000 });
  closeFd(again.fd);
});

// Mutation: openVolumes closes nothing in its catch: the first volume stays open; without the
// ownership rule of `give`: EBADF.
test('volumes are resolved and mounted in order for the calling thread, all of them or none, and the pidfd is the job’s', async (context) => {
  if (process.getuid?.() !== 0) context.skip('needs root, to mount');
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'hatchery-volumes-')));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, 'one'));
  writeFileSync(join(directory, 'two'), 'content');
  symlinkSync('one', join(directory, 'link'));
  const inhabitant = await inhabit(100_000);
  onTestFinished(() => inhabitant.end());
  await using pool = await BlockingPool.open({ threads: 1 });
  const sources = await pool.run('resolveVolumes', { sources: [join(directory, 'link'), join(directory, 'two')] });
  expect(sources).toEqual([join(directory, 'one'), join(directory, 'two')]);
  const volumes = sources.map((source) => ({ source, readOnly: true }));
  const before = openLinks();
  const { fds } = await pool.run('openVolumes', { volumes, pidfd: openPidfd(inhabitant.pid) });
  expect(registeredFds()).toEqual([...fds].toSorted((a, b) => a - b));
  const seen = fds.map((fd) => statSync(`/proc/self/fd/${fd}`));
  expect(seen.map((stat) => [stat.isDirectory(), stat.uid])).toEqual([
    [true, 100_000],
    [false, 100_000],
  ]);
  for (const fd of fds) closeFd(fd);
  rmSync(join(directory, 'two'));
  const half: unknown = await pool
    .run('openVolumes', { volumes, pidfd: openPidfd(inhabitant.pid) })
    .catch((error: unknown) => error);
  expect(half).toBeInstanceOf(VolumeError);
  expect(half).toMatchObject({ code: 'ERR_VOLUME_NOT_FOUND', source: join(directory, 'two') });
  // The host's own ids are no mapping.
  const ours = pool.run('openVolumes', { volumes: volumes.slice(0, 1), pidfd: openPidfd(process.pid) });
  await expect(ours).rejects.toMatchObject({ code: 'ERR_VOLUME_UNSUPPORTED' });
  expect(openLinks()).toEqual(before);
  expect(registeredFds()).toEqual([]);
});

/** Of the whole process, all its threads included. */
function openLinks(): number {
  return readdirSync('/proc/self/fd').length;
}
