import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { closeFd, openPidfd } from '@hatchery/linux';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { type Chroot, openChroot } from '../../src/index.ts';
import { inhabit } from '../user-namespace-inhabitant.ts';
import { type TestChroot, testChroot } from './test-chroot.ts';

beforeEach((context) => {
  if (process.getuid?.() !== 0) context.skip('needs root, to mount and to make devices');
});

/** Every way to ask for what is at a path. */
const ways: Readonly<Record<string, (chroot: Chroot, path: string) => Promise<unknown>>> = {
  read: (chroot, path) => chroot.read(path),
  readStream: (chroot, path) => buffer(chroot.readStream(path)),
  write: (chroot, path) => chroot.write(path, 'changed'),
  'write much': (chroot, path) => chroot.write(path, Buffer.alloc(100_000)),
  append: (chroot, path) => chroot.write(path, 'changed', { append: true }),
};

const below: Readonly<Record<string, (chroot: Chroot, path: string) => Promise<unknown>>> = {
  list: (chroot, path) => chroot.list(path),
  makeDirectory: (chroot, path) => chroot.makeDirectory(`${path}/made`),
  'rename from': (chroot, path) => chroot.rename(`${path}/x`, 'moved'),
  'rename to': (chroot, path) => chroot.rename('file', `${path}/moved`),
  remove: (chroot, path) => chroot.remove(`${path}/x`),
  stat: (chroot, path) => chroot.stat(`${path}/x`),
};

async function codesOf(calls: typeof ways, chroot: Chroot, path: string): Promise<Record<string, unknown>> {
  const told: Record<string, unknown> = {};
  for (const [name, call] of Object.entries(calls))
    told[name] = await call(chroot, path).then(
      () => 'done',
      (error: { code: unknown }) => error.code,
    );
  return told;
}

const each = (calls: typeof ways, code: string): Record<string, string> =>
  Object.fromEntries(Object.keys(calls).map((name) => [name, code]));

function secretBeside({ at }: TestChroot): () => void {
  mkdirSync(at('../outside'));
  writeFileSync(at('../outside/x'), 'secret');
  const before = statSync(at('../outside/x'));
  return () => {
    expect(readdirSync(at('../outside'))).toEqual(['x']);
    expect(readFileSync(at('../outside/x'), 'utf8')).toBe('secret');
    expect(statSync(at('../outside/x'))).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
  };
}

test('inv-56: no link and no `..` leads out, whatever is asked for', async () => {
  // Mutation: IN_ROOT without Resolve.inRoot: the secret is read, changed and removed.
  const chroots = await testChroot();
  const { chroot, at } = chroots;
  const unchanged = secretBeside(chroots);
  writeFileSync(at('file'), '');
  const links = { relative: '../outside', absolute: at('../outside'), deep: '../../../../../../..', loop: 'loop' };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, at(name));
  const missing = { ...each(below, 'ENOENT'), remove: 'done' };
  for (const path of ['relative', 'absolute']) expect(await codesOf(below, chroot, path), path).toEqual(missing);
  // The root's own, by the name that `..` of it has.
  for (const path of ['../outside', '/../outside', 'deep/outside']) {
    writeFileSync(at('file'), '');
    const made = { ...missing, makeDirectory: 'done', 'rename to': 'done' };
    expect(await codesOf(below, chroot, path), path).toEqual(made);
    expect(readdirSync(at('outside')).toSorted()).toEqual(['made', 'moved']);
    await chroot.remove('outside');
  }
  for (const path of ['relative/x', 'absolute/x', '../outside/x'])
    expect((await codesOf({ read: ways['read'] as never }, chroot, path)).read).toBe('ENOENT');
  expect(await chroot.list('deep')).toEqual(
    await chroot.list('/').then((entries) => entries.map((entry) => ({ ...entry, path: `/deep${entry.path}` }))),
  );
  expect(await codesOf(ways, chroot, 'loop')).toEqual(each(ways, 'ELOOP'));
  unchanged();
});

test('inv-56: a chain of 41 links is a typed error, one of 40 is not', async () => {
  const { chroot, at } = await testChroot();
  mkdirSync(at('0'));
  writeFileSync(at('0/x'), 'end');
  for (let link = 1; link <= 41; link += 1) symlinkSync(String(link - 1), at(String(link)));
  expect((await chroot.read('40/x')).toString()).toBe('end');
  expect(await codesOf(ways, chroot, '41/x')).toEqual(each(ways, 'ELOOP'));
  expect(await codesOf(below, chroot, '41')).toEqual(each(below, 'ELOOP'));
});

test('inv-56: the links of a /proc in the root lead nowhere, and the kernel’s own files are no files', async () => {
  // Mutations: IN_ROOT without Resolve.noMagicLinks reads the secret; without refuseKernelFile() the environment is read.
  const chroots = await testChroot();
  const { chroot, at } = chroots;
  const unchanged = secretBeside(chroots);
  mkdirSync(at('proc'));
  execFileSync('mount', ['-t', 'proc', 'proc', at('proc')]);
  try {
    const house = at('..').replace(/\/$/, '');
    for (const link of ['root', 'cwd', 'fd/0', 'exe', 'ns/mnt'].map((name) => `/proc/self/${name}`)) {
      const codes = Object.values(await codesOf(ways, chroot, link));
      expect(
        codes.every((code) => code === 'ELOOP' || code === 'ENOENT'),
        `${link}: ${codes.join(' ')}`,
      ).toBe(true);
    }
    await expect(chroot.read(`/proc/self/root${house}/outside/x`)).rejects.toMatchObject({ code: 'ELOOP' });
    for (const path of [
      `/proc/${process.pid}/environ`,
      '/proc/kmsg',
      '/proc/self/oom_score_adj',
      '/proc/sys/kernel/hostname',
    ])
      expect(await codesOf(ways, chroot, path), path).toEqual(each(ways, 'ERR_NOT_A_FILE'));
    await expect(chroot.list('/proc')).rejects.toMatchObject({ code: 'ERR_NOT_A_FILE' });
    await expect(chroot.attributes('/proc/version')).rejects.toMatchObject({ code: 'ERR_NOT_A_FILE' });
    expect(await chroot.stat('/proc/self/exe')).toMatchObject({ type: 'symlink', symlinkTarget: null });
    expect((await chroot.list('/', { depth: 5 })).map(({ path }) => path)).toEqual(['/proc']);
    await expect(chroot.remove('/proc')).rejects.toMatchObject({ code: 'ERR_FILE_BUSY' });
  } finally {
    execFileSync('umount', [at('proc')]);
  }
  unchanged();
});

test('inv-56: a FIFO, a socket, a device and a directory are refused, and none of them is opened', async () => {
  // Mutation: openContent() opens at once: the writer of the FIFO, which waits for a reader, goes on.
  const { chroot, pool, at } = await testChroot();
  execFileSync('mkfifo', [at('fifo')]);
  execFileSync('mknod', [at('zero'), 'c', '1', '5']);
  execFileSync('mknod', [at('disk'), 'b', '7', '200']);
  mkdirSync(at('dir'));
  const server = createServer().listen(at('socket'));
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const waiting = spawn('sh', ['-c', 'exec 3> "$0"; echo opened; cat', at('fifo')], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  onTestFinished(() => void waiting.kill('SIGKILL'));
  let opened = false;
  waiting.stdout.once('data', () => (opened = true));
  await expect.poll(() => readFileSync(`/proc/${waiting.pid}/wchan`, 'utf8')).toMatch(/partner|fifo/);
  for (const path of ['fifo', 'zero', 'disk', 'socket', 'dir'])
    expect(await codesOf(ways, chroot, path), path).toEqual(each(ways, 'ERR_NOT_A_FILE'));
  expect(await chroot.stat('fifo')).toMatchObject({ type: 'other' });
  expect(await chroot.attributes('fifo')).toEqual({});
  expect(await chroot.list('/')).toHaveLength(5);
  await expect(chroot.setAttribute('fifo', 'user.x', Buffer.of())).rejects.toMatchObject({ code: 'EPERM' });
  expect(readFileSync(`/proc/${waiting.pid}/wchan`, 'utf8')).toMatch(/partner|fifo/);
  expect([opened, pool.stats().stuck]).toEqual([false, 0]);
  for (const path of ['fifo', 'zero', 'disk', 'socket', 'dir']) await chroot.remove(path);
  waiting.kill('SIGKILL');
  await once(waiting, 'exit');
});

test('inv-56: a file under lease is refused at once, for as long as the lease lasts', async () => {
  // Mutation: openContent() without O_NONBLOCK waits for lease-break-time, 45 s.
  const { chroot, at } = await testChroot();
  writeFileSync(at('file'), 'leased');
  const script = `
import fcntl, signal, sys
signal.signal(signal.SIGIO, signal.SIG_IGN)
f = open(sys.argv[1], 'r+' if sys.argv[2] == 'W' else 'r')
fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK if sys.argv[2] == 'W' else fcntl.F_RDLCK)
print('leased', flush=True)
sys.stdin.read()`;
  for (const kind of ['W', 'R']) {
    const holder = spawn('python3', ['-c', script, at('file'), kind], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    const writing = { write: 'ERR_FILE_BUSY', 'write much': 'ERR_FILE_BUSY', append: 'ERR_FILE_BUSY' };
    const reading = kind === 'W' ? 'ERR_FILE_BUSY' : 'done';
    expect(await codesOf(ways, chroot, 'file')).toEqual({ read: reading, readStream: reading, ...writing });
    expect(await chroot.stat('file')).toMatchObject({ size: 6 });
    await chroot.setAttribute('file', 'user.x', Buffer.of(1));
    expect(await chroot.attributes('file')).toEqual({ 'user.x': Uint8Array.of(1) });
    holder.stdin.end();
    await once(holder, 'exit');
    expect((await chroot.read('file')).toString()).toBe('leased');
  }
});

test('inv-56: a file that grows without end is read as far as was asked for', async () => {
  const { chroot, at } = await testChroot();
  const growing = spawn('sh', ['-c', 'ulimit -f 200000; exec yes > "$0"', at('file')], { stdio: 'ignore' });
  const ended = once(growing, 'exit');
  await expect.poll(() => existsSync(at('file')) && statSync(at('file')).size).toBeGreaterThan(2 ** 20);
  await expect(chroot.read('file', { maxBytes: 2 ** 20 })).rejects.toMatchObject({ code: 'ERR_FILE_TOO_LARGE' });
  expect((await chroot.read('file', { length: 2 ** 20, maxBytes: 2 ** 20 })).length).toBe(2 ** 20);
  expect((await buffer(chroot.readStream('file', { length: 300_000 }))).length).toBe(300_000);
  growing.kill('SIGKILL');
  await ended;
});

test('what is made belongs to the owner, parents and links’ targets too, and ids are told as they are inside', async () => {
  const owner = { uid: 300_000, gid: 300_000 };
  const { chroot, at } = await testChroot({ owner, ids: 300_000 });
  const user = { uid: 301_000, gid: 301_001 };
  expect(await chroot.write('a/b/file', 'x')).toMatchObject({ uid: 0, gid: 0 });
  expect(await chroot.makeDirectory('a/c/d', { owner: user })).toMatchObject({ uid: 1000, gid: 1001 });
  expect(await chroot.write('a/c/d/e/long', Buffer.alloc(100_000), { owner: user })).toMatchObject({ uid: 1000 });
  symlinkSync('through', at('link'));
  await chroot.write('link', 'x', { owner: user });
  for (const path of ['a', 'a/b', 'a/b/file']) expect(lstatSync(at(path)), path).toMatchObject(owner);
  for (const path of ['a/c', 'a/c/d', 'a/c/d/e', 'a/c/d/e/long', 'through'])
    expect(lstatSync(at(path)), path).toMatchObject(user);
  writeFileSync(at('of the host'), '');
  expect(await chroot.stat('of the host')).toMatchObject({ uid: 65_534, gid: 65_534 });
  // One that is there keeps its owner.
  await chroot.write('a/b/file', 'y', { owner: user });
  expect(lstatSync(at('a/b/file'))).toMatchObject(owner);
});

test('on an idmapped mount everything is made, moved and changed as the owner, and belongs to his like outside', async () => {
  // Mutations: renameAs() or openAs() as host root: EOVERFLOW.
  const { pool, root, at } = await testChroot();
  chownSync(root, 0, 0);
  const inhabitant = await inhabit(300_000);
  onTestFinished(() => inhabitant.end());
  const pidfd = openPidfd(inhabitant.pid);
  const { fds } = await pool.run('openVolumes', { volumes: [{ source: root, readOnly: false }], pidfd });
  const [mount] = fds as [number];
  await using chroot = await openChroot(pool, mount, { owner: { uid: 300_000, gid: 300_000 }, ids: 300_000 });
  closeFd(mount);
  const owner = { uid: 301_000, gid: 301_000 };
  expect(await chroot.write('a/b/file', 'x', { owner })).toMatchObject({ uid: 1000, gid: 1000 });
  expect(await chroot.write('a/long', Buffer.alloc(100_000))).toMatchObject({ uid: 0, gid: 0 });
  await chroot.write('a/b/file', 'again', { mode: 0o600 });
  await chroot.rename('a/b/file', 'a/moved');
  await chroot.setAttribute('a/moved', 'user.x', Buffer.of(1));
  expect(lstatSync(at('a/moved'))).toMatchObject({ uid: 1000, gid: 1000, size: 5 });
  expect(lstatSync(at('a/long'))).toMatchObject({ uid: 0, gid: 0 });
  await chroot.remove('a');
  expect(readdirSync(root)).toEqual([]);
});

test('new content loses the rights of the old, and a sticky directory keeps its bit', async () => {
  const { chroot, at } = await testChroot();
  for (const name of ['suid', 'append']) {
    writeFileSync(at(name), 'old');
    chownSync(at(name), 1, 1);
    chmodSync(at(name), 0o6755);
    const script = `import os; os.setxattr(${JSON.stringify(at(name))}, 'security.capability', bytes.fromhex('0100000200200000000000000000000000000000'))`;
    execFileSync('python3', ['-c', script]);
  }
  await chroot.write('suid', 'new');
  await chroot.write('append', 'new', { append: true });
  for (const name of ['suid', 'append']) {
    expect(lstatSync(at(name)).mode & 0o7777, name).toBe(0o755);
    const listing = execFileSync('python3', ['-c', `import os; print(os.listxattr(${JSON.stringify(at(name))}))`]);
    expect(listing.toString(), name).toBe('[]\n');
  }
  mkdirSync(at('tmp'));
  chmodSync(at('tmp'), 0o1777);
  chmodSync(at('.'), 0o2755);
  expect(await chroot.makeDirectory('tmp')).toMatchObject({ mode: 0o1777 });
  expect(await chroot.makeDirectory('inherits', { mode: 0o750 })).toMatchObject({ mode: 0o2750 });
});

test('a mount in a tree is neither entered nor moved, and a program that runs is not written', async () => {
  const { chroot, at } = await testChroot();
  mkdirSync(at('tree/mount'), { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', 'hatchery-test', at('tree/mount')]);
  try {
    writeFileSync(at('tree/mount/file'), 'stays');
    await expect(chroot.remove('tree')).rejects.toMatchObject({ code: 'ERR_FILE_BUSY', path: '/tree' });
    await expect(chroot.rename('tree/mount', 'x')).rejects.toMatchObject({ code: 'ERR_FILE_BUSY' });
    await expect(chroot.rename('tree/mount/file', 'x')).rejects.toMatchObject({ code: 'EXDEV' });
    expect(readFileSync(at('tree/mount/file'), 'utf8')).toBe('stays');
    expect((await chroot.read('tree/mount/file')).toString()).toBe('stays');
  } finally {
    execFileSync('umount', [at('tree/mount')]);
  }
  execFileSync('cp', ['/bin/sleep', at('program')]);
  const running = spawn(at('program'), ['1000'], { stdio: 'ignore' });
  await once(running, 'spawn');
  await expect(chroot.write('program', 'x')).rejects.toMatchObject({ code: 'ERR_FILE_BUSY' });
  running.kill('SIGKILL');
  await once(running, 'exit');
});

test('a full filesystem is told as ENOSPC, however the content comes', async () => {
  const { chroot, at } = await testChroot();
  mkdirSync(at('small'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'hatchery-test', at('small')]);
  try {
    await expect(chroot.write('small/file', Buffer.alloc(2 ** 20))).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(chroot.write('small/file', Buffer.alloc(60_000))).resolves.toMatchObject({ size: 60_000 });
    await expect(chroot.write('small/file', Buffer.alloc(60_000), { append: true })).rejects.toMatchObject({
      name: 'LinuxError',
      code: 'ENOSPC',
    });
  } finally {
    execFileSync('umount', [at('small')]);
  }
});
