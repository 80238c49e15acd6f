import { execFileSync } from 'node:child_process';
import {
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { closeFd, openPidfd, openVolume, registeredFds, resolveVolume, userNamespaceOf } from '../src/index.ts';
import { type Inhabitant, inhabit } from './user-namespace-inhabitant.ts';

const firstId = 100_000;

let directory: string;
let source: string;
let mounts: string;
let inhabitant: Inhabitant;
let userNamespace: number;
const opened: number[] = [];

beforeEach(async (context) => {
  if (process.getuid?.() !== 0) context.skip('needs root, to mount');
  mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'hatchery-volume-')));
  source = join(directory, 'source');
  mkdirSync(join(source, 'sub'), { recursive: true });
  writeFileSync(join(source, 'root'), 'root’s');
  writeFileSync(join(source, 'user'), 'user’s');
  chownSync(join(source, 'user'), 1000, 1001);
  inhabitant = await inhabit(firstId);
  const pidfd = openPidfd(inhabitant.pid);
  userNamespace = userNamespaceOf(pidfd);
  closeFd(pidfd);
});
afterEach(async () => {
  await inhabitant.end();
  for (const fd of [...opened.splice(0), userNamespace]) closeFd(fd);
  rmSync(directory, { recursive: true });
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(mounts);
  expect(registeredFds()).toEqual([]);
});

/** Closed after the test. */
function volume(path: string, readOnly = false): { fd: number; path: string } {
  const fd = openVolume(path, { userNamespace, readOnly });
  opened.push(fd);
  return { fd, path: `/proc/self/fd/${fd}` };
}

/** Runs a script as a user of the host in a volume; what it prints. */
function inVolume(fd: number, uid: number, script: string): string {
  const options = { uid, gid: uid, stdio: ['ignore', 'pipe', 'pipe', fd], encoding: 'utf8' } as const;
  return execFileSync('sh', ['-c', `cd /proc/self/fd/3/ && ${script}`], { ...options, stdio: [...options.stdio] });
}

describe('a volume', () => {
  // Mutation: setMountAttributes without userNamespace: the owners shown are 0 and 1000.
  test('shows the ids of its files as those of the user namespace, and makes files with the ids of its users', () => {
    const { fd, path } = volume(source);
    expect(statSync(join(path, 'root'))).toMatchObject({ uid: firstId, gid: firstId });
    expect(statSync(join(path, 'user'))).toMatchObject({ uid: firstId + 1000, gid: firstId + 1001 });
    inVolume(fd, firstId, 'echo made > as-root');
    chownSync(join(source, 'sub'), 1000, 1000);
    inVolume(fd, firstId + 1000, 'echo made > sub/as-user');
    expect(lstatSync(join(source, 'as-root'))).toMatchObject({ uid: 0, gid: 0 });
    expect(lstatSync(join(source, 'sub/as-user'))).toMatchObject({ uid: 1000, gid: 1000 });
  });

  test('is attached nowhere, and nothing of it is left when its descriptor is closed', () => {
    volume(source);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(mounts);
  });

  // Mutation: `readOnly` left out of setMountAttributes.
  test('that is read-only takes no write, also by whoever owns the files', () => {
    const { fd, path } = volume(source, true);
    expect(() => inVolume(fd, firstId, 'echo x >> root')).toThrow('Read-only file system');
    expect(() => unlinkSync(join(path, 'root'))).toThrow('EROFS');
    // The control: the same script in one that is not.
    inVolume(volume(source).fd, firstId, 'echo x >> root');
  });

  // Mutation: noDevices left out.
  test('opens no device', () => {
    execFileSync('mknod', ['-m', '666', join(source, 'null'), 'c', '1', '3']);
    const { fd } = volume(source);
    expect(() => inVolume(fd, firstId, 'cat null')).toThrow('Permission denied');
  });

  test('can be one file', () => {
    const { fd } = volume(join(source, 'user'));
    expect(statSync(`/proc/self/fd/${fd}`)).toMatchObject({ uid: firstId + 1000, size: 8 });
  });
});

describe('a source', () => {
  // Mutation: resolveVolume returns its argument.
  test('is resolved to the path without symlinks', () => {
    symlinkSync('source', join(directory, 'link'));
    symlinkSync('link/sub', join(directory, 'further'));
    expect(resolveVolume(join(directory, 'further'))).toBe(join(source, 'sub'));
    expect(resolveVolume(`${directory}/link/../source/./user`)).toBe(join(source, 'user'));
  });

  test('that is missing, or a circle, is not found, and the error names it', () => {
    symlinkSync('circle', join(directory, 'circle'));
    for (const path of [join(directory, 'none'), join(source, 'root/below'), join(directory, 'circle')])
      expect(() => resolveVolume(path)).toThrow(
        expect.objectContaining({
          name: 'VolumeError',
          code: 'ERR_VOLUME_NOT_FOUND',
          message: expect.stringContaining(path),
        }),
      );
  });

  // Mutation: checkKind() left out. A FIFO that is opened to be read hangs.
  test('that is a FIFO, a socket or a device is refused by its kind, at once, when it is resolved and when it is opened', async () => {
    execFileSync('mkfifo', [join(directory, 'fifo')]);
    execFileSync('mknod', [join(directory, 'device'), 'c', '1', '3']);
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(join(directory, 'socket'), resolve));
    try {
      for (const kind of ['fifo', 'device', 'socket']) {
        const expected = expect.objectContaining({
          code: 'ERR_VOLUME_UNSUPPORTED',
          message: expect.stringMatching(new RegExp(kind, 'i')),
        });
        expect(() => resolveVolume(join(directory, kind))).toThrow(expected);
        expect(() => volume(join(directory, kind))).toThrow(expected);
      }
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  // Mutation: openVolumeSource without Resolve.noSymlinks.
  test('inv-54: that a symlink has replaced since it was resolved is not opened', () => {
    const resolved = resolveVolume(join(source, 'sub'));
    renameSync(source, join(directory, 'moved'));
    mkdirSync(join(directory, 'elsewhere/sub'), { recursive: true });
    symlinkSync('elsewhere', source);
    expect(() => volume(resolved)).toThrow(
      expect.objectContaining({ code: 'ERR_VOLUME_NOT_FOUND', message: expect.stringContaining('symlink') }),
    );
  });

  // Mutation: refusal() gives back its cause. Without IDMAP the open would succeed, and show the host's owners.
  test('on a file system without idmapped mounts is refused with the remedy', () => {
    const merged = join(directory, 'merged');
    for (const name of ['merged', 'upper', 'work']) mkdirSync(join(directory, name));
    const layers = `lowerdir=${source},upperdir=${join(directory, 'upper')},workdir=${join(directory, 'work')}`;
    execFileSync('mount', ['-t', 'overlay', '-o', layers, 'hatchery-test', merged]);
    try {
      expect(() => volume(merged)).toThrow(
        expect.objectContaining({ code: 'ERR_VOLUME_UNSUPPORTED', message: expect.stringContaining('ext4') }),
      );
    } finally {
      execFileSync('umount', [merged]);
    }
  });
});
