import { execFileSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { closeFd, makePipe, openVolume, userNamespaceOf } from '@hatchery/linux';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { ShimError } from '../src/index.ts';
import { readToEnd } from './kernel/read-to-end.ts';
import { countDescriptors, readable, SandboxFixture, type TestSandbox } from './kernel/sandbox-fixture.ts';
import { untilIdle } from './kernel/until-idle.ts';

interface Volume {
  readonly source: string;
  readonly target: string;
  readonly readOnly?: boolean;
}

const EINVAL = 22;
const ENOTDIR = 20;
const EISDIR = 21;
const ELOOP = 40;

describe.each(['hatchery-shim', 'hatchery-shim-asan'] as const)('volumes: %s', (variant) => {
  const fixture = new SandboxFixture(variant);
  /** A directory of the host with a file in it. */
  let source = '';
  beforeEach(() => {
    source = mkdtempSync(join(fixture.directory, 'source-'));
    writeFileSync(join(source, 'file'), 'content', { mode: 0o666 });
    onTestFinished(() => rmSync(source, { recursive: true }));
  });

  async function parked(): Promise<TestSandbox> {
    const sandbox = await fixture.make(await fixture.zygote());
    fixture.own((await sandbox.init.parked).root);
    // It closes what it was made with after it has said so.
    untilIdle(sandbox.pid);
    return sandbox;
  }

  /** Opens the volumes for the sandbox, as a runtime does, and starts it with them. */
  async function start(sandbox: TestSandbox, volumes: readonly Volume[]): Promise<void> {
    const userNamespace = userNamespaceOf(sandbox.pidfd);
    const opened = volumes.map(({ source, readOnly = false }) => openVolume(source, { userNamespace, readOnly }));
    try {
      await sandbox.start({ volumeTargets: volumes.map(({ target }) => target), volumes: opened });
    } finally {
      for (const fd of [...opened, userNamespace]) closeFd(fd);
    }
  }

  async function output(sandbox: TestSandbox, argv: readonly string[]): Promise<string> {
    const [from, to] = makePipe();
    await sandbox.exec(argv, { stdout: to });
    closeFd(to);
    return (await readToEnd(from)).trim();
  }

  const rootOf = (sandbox: TestSandbox): string => `/proc/${sandbox.pid}/root`;

  /** Changes the image for one test. */
  function inImage(name: string, make: (path: string) => void): void {
    make(join(fixture.image, name));
    onTestFinished(() => rmSync(join(fixture.image, name), { recursive: true }));
  }

  // Mutation: mkdirat with 0700.
  test('directories and files are there, in the order given, and what was missing on the way is root’s', async () => {
    chownSync(join(source, 'file'), 1000, 1001);
    const sandbox = await parked();
    const before = countDescriptors(sandbox.pid);
    await start(sandbox, [
      { source, target: '/data/deep/volume' },
      { source: join(source, 'file'), target: '/one/file' },
      { source, target: '/data/deep/volume/below', readOnly: true },
    ]);
    expect(await output(sandbox, ['guest', 'cat', '/data/deep/volume/file'])).toBe('content');
    expect(await output(sandbox, ['guest', 'cat', '/one/file'])).toBe('content');
    expect(await output(sandbox, ['guest', 'cat', '/data/deep/volume/below/file'])).toBe('content');
    const { uid: root } = statSync(rootOf(sandbox));
    for (const made of ['/data', '/data/deep', '/one']) {
      const { uid, gid, mode } = lstatSync(rootOf(sandbox) + made);
      expect({ uid, gid, mode: mode & 0o7777 }, made).toEqual({ uid: root, gid: root, mode: 0o755 });
    }
    expect(lstatSync(`${rootOf(sandbox)}/one/file`)).toMatchObject({ uid: root + 1000, gid: root + 1001 });
    // The place of the third is made in the first, whose owners are the host's.
    expect(lstatSync(join(source, 'below'))).toMatchObject({ uid: 0, gid: 0 });
    expect(existsSync(join(fixture.image, 'data'))).toBe(false);
    untilIdle(sandbox.pid);
    expect(countDescriptors(sandbox.pid), 'init keeps the work cgroup').toBe(before + 1);
  });

  // Mutation: is_reserved() is always false; next_name() without its look at `..`, and at an empty name.
  test.each([
    '/',
    '',
    'data',
    '/data/',
    '//data',
    '/a//b',
    '/a/./b',
    '/a/..',
    '/../a',
    '/.',
    `/${'n'.repeat(256)}`,
    '/proc',
    '/proc/sys/x',
    '/dev',
    '/dev/shm',
    '/sys',
    '/sys/fs/cgroup',
  ])('a target of %j is refused before anything is made', async (target) => {
    const sandbox = await parked();
    const before = readdirSync(rootOf(sandbox));
    const refused = start(sandbox, [
      { source, target: '/first' },
      { source, target },
    ]);
    await expect(refused).rejects.toMatchObject({ step: 'mount the volumes', errno: EINVAL });
    expect(readdirSync(rootOf(sandbox))).toEqual(before);
  });

  // Mutation: their numbers not compared in check().
  test('as many targets as volumes, or none of them', async () => {
    const sandbox = await parked();
    await expect(sandbox.start({ volumeTargets: ['/data'] })).rejects.toMatchObject({ errno: EINVAL });
    await start(sandbox, [{ source, target: '/data' }]);
  });

  // Mutation: open_or_make() without RESOLVE_NO_SYMLINKS: mounted where the link leads.
  test.each(['/bin', '/proc', '/proc/1/root', '../../..', 'nowhere', null])(
    'N10: a symlink of the image to %j is not followed, at the end or on the way (null: to the source)',
    async (leads) => {
      inImage('link', (path) => symlinkSync(leads ?? source, path));
      for (const target of ['/link', '/link/below']) {
        const sandbox = await parked();
        await expect(start(sandbox, [{ source, target }])).rejects.toMatchObject({
          step: 'mount the volumes',
          errno: ELOOP,
          text: expect.stringContaining(target),
        });
        expect(readFileSync(`/proc/${sandbox.pid}/mountinfo`, 'utf8')).not.toContain(source);
      }
      expect(readdirSync(source)).toEqual(['file']);
    },
  );

  // Mutation: the look at the pinned place left out of mount_one().
  test('a place of the wrong type is refused by name', async () => {
    inImage('a-file', (path) => writeFileSync(path, ''));
    inImage('a-directory', (path) => mkdirSync(path));
    inImage('a-fifo', (path) => execFileSync('mkfifo', [path]));
    const cases = [
      { source, target: '/a-file', errno: ENOTDIR },
      { source, target: '/a-fifo', errno: ENOTDIR },
      { source, target: '/a-file/below', errno: ENOTDIR },
      { source: join(source, 'file'), target: '/a-directory', errno: EISDIR },
      { source: join(source, 'file'), target: '/a-fifo', errno: EISDIR },
    ];
    for (const { errno, ...volume } of cases) {
      const refused = start(await parked(), [volume]);
      await expect(refused).rejects.toMatchObject({ errno, text: expect.stringContaining(volume.target) });
    }
    // What is there and fits is mounted on.
    const sandbox = await parked();
    await start(sandbox, [
      { source, target: '/a-directory' },
      { source: join(source, 'file'), target: '/a-file' },
    ]);
    expect(await output(sandbox, ['guest', 'cat', '/a-file'])).toBe('content');
  });

  test('a directory that is no mount of its own is refused', async () => {
    const sandbox = await parked();
    const refused = sandbox.start({ volumeTargets: ['/data'], volumes: [fixture.open(source)] });
    await expect(refused).rejects.toMatchObject({ step: 'mount the volumes', errno: EINVAL });
  });

  // Mutation: open_or_make() without RESOLVE_NO_SYMLINKS: hundreds of mounts in /bin.
  test('N12: a place that another sandbox exchanges for a link thousands of times is mounted on, or refused, never the link’s', async () => {
    const shared = mkdtempSync(join(fixture.directory, 'shared-'));
    onTestFinished(() => rmSync(shared, { recursive: true }));
    mkdirSync(join(shared, 'place'));
    symlinkSync('/bin', join(shared, 'link'));
    const attacker = await parked();
    await start(attacker, [{ source: shared, target: '/shared' }]);
    const [from, to] = makePipe();
    await attacker.exec(['guest', 'exchange', '/shared/place', '/shared/link'], { stdout: to });
    closeFd(to);
    await readable(from);
    closeFd(from);
    const victim = await parked();
    // A start that fails at its last volume can be asked for again, with the same init: what it has mounted stays.
    const never = { source: join(source, 'file'), target: '/bin' };
    await expect(start(victim, [{ source: shared, target: '/shared' }, never])).rejects.toMatchObject({
      errno: EISDIR,
    });
    const seen = new Map<number, number>();
    for (let attempt = 0; attempt < 4000; attempt++) {
      const refused = start(victim, [{ source, target: '/shared/place/deep' }, never]);
      const error: unknown = await refused.catch((error: unknown) => error);
      expect(error).toBeInstanceOf(ShimError);
      const { errno } = error as ShimError;
      seen.set(errno, (seen.get(errno) ?? 0) + 1);
    }
    expect([...seen.keys()].toSorted((a, b) => a - b)).toEqual([EISDIR, ELOOP]);
    for (const times of seen.values()) expect(times).toBeGreaterThan(100);
    const lines = readFileSync(`/proc/${victim.pid}/mountinfo`, 'utf8').trim().split('\n');
    const places = new Set(lines.map((line) => line.split(' ')[4]));
    expect([...places].filter((place) => !/^\/(proc|dev|shared)?(\/|$)/.test(place ?? ''))).toEqual([]);
    expect(readdirSync(`${rootOf(victim)}/bin`)).toEqual(['guest']);
    expect(readdirSync(source)).toEqual(['file']);
  });

  // Mutation: ALLOW(mount) and ALLOW(umount2) in seccomp_calls.def and SYS_ADMIN in `kept` of caps.c.
  test('inv-55: root inside spoils nothing of a read-only volume, and what it tries works in one that is not', async () => {
    const sandbox = await parked();
    await start(sandbox, [
      { source, target: '/read', readOnly: true },
      { source: join(source, 'file'), target: '/read-file', readOnly: true },
      { source, target: '/write' },
    ]);
    const answers = { write: 'EROFS', truncate: 'EROFS', chmod: 'EROFS', chown: 'EROFS', unlink: 'EROFS' };
    for (const [path, unlink, rename] of [
      ['/read/file', 'EROFS', 'EXDEV'],
      ['/read-file', 'EBUSY', 'EBUSY'],
    ] as const) {
      const lines = (await output(sandbox, ['guest', 'spoil', path])).split('\n').map((line) => line.split(' '));
      const mounting = { umount: 'EPERM', remount: 'EPERM', bind: 'EPERM' };
      expect(Object.fromEntries(lines)).toEqual({ ...answers, unlink, rename, ...mounting });
    }
    expect(readFileSync(join(source, 'file'), 'utf8')).toBe('content');
    const control = await output(sandbox, ['guest', 'spoil', '/write/file']);
    expect(control).toMatch(/^write done\ntruncate done\nchmod done\nchown done\nunlink done$/m);
    expect(existsSync(join(source, 'file'))).toBe(false);
  });
});
