import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { closeFd, currentDirectory, OpenFlag, openat2 } from '@hatchery/linux';
import { expect, test } from 'vitest';
import { openChroot } from '../../src/index.ts';
import { memory, testChroot } from './test-chroot.ts';

test('directories are made with what is missing above them, and one that is there is fine', async () => {
  const { chroot, at } = await testChroot();
  expect(await chroot.makeDirectory('a/b/c')).toMatchObject({ path: '/a/b/c', type: 'directory', mode: 0o755 });
  expect(await chroot.makeDirectory('a/b/c', { mode: 0o700 })).toMatchObject({ mode: 0o755 });
  await chroot.makeDirectory('/');
  writeFileSync(at('file'), '');
  await expect(chroot.makeDirectory('file')).rejects.toMatchObject({ code: 'ENOTDIR' });
  await expect(chroot.makeDirectory('file/x')).rejects.toMatchObject({ code: 'ENOTDIR' });
  await expect(chroot.write('file/x', '')).rejects.toMatchObject({ code: 'ENOTDIR' });
  symlinkSync('/nowhere', at('dangling'));
  await expect(chroot.makeDirectory('dangling/x')).rejects.toMatchObject({ code: 'ENOENT' });
  symlinkSync('/a/b', at('link'));
  expect(await chroot.makeDirectory('link/d/e')).toMatchObject({ path: '/link/d/e' });
  expect(existsSync(at('a/b/d/e'))).toBe(true);
});

test('an entry is moved over another one; the root and `..` are not', async () => {
  const { chroot, at } = await testChroot();
  mkdirSync(at('dir'));
  writeFileSync(at('dir/a'), 'a');
  writeFileSync(at('b'), 'b');
  expect(await chroot.rename('dir/a', '/b')).toMatchObject({ name: 'b', path: '/b', size: 1 });
  expect(readFileSync(at('b'), 'utf8')).toBe('a');
  await expect(chroot.rename('none', 'x')).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(chroot.rename('dir', 'dir/below')).rejects.toMatchObject({ code: 'EINVAL' });
  for (const path of ['/', '.', '//', 'dir/..', '..']) {
    await expect(chroot.rename(path, 'x')).rejects.toMatchObject({ code: 'ERR_FILE_NAME' });
    await expect(chroot.rename('b', path)).rejects.toMatchObject({ code: 'ERR_FILE_NAME' });
    await expect(chroot.remove(path)).rejects.toMatchObject({ code: 'ERR_FILE_NAME' });
  }
  expect(readdirSync(at('')).toSorted()).toEqual(['b', 'dir']);
});

test('a tree is removed with its symlinks and not through them; what is missing is fine', async () => {
  const { chroot, root, at } = await testChroot();
  mkdirSync(at('../outside'));
  writeFileSync(at('../outside/file'), 'stays');
  mkdirSync(at('tree/a/b'), { recursive: true });
  symlinkSync('../../outside', at('tree/link'));
  symlinkSync('tree', at('link'));
  await chroot.remove('link');
  expect(existsSync(at('tree/a'))).toBe(true);
  for (const path of ['tree', 'tree', 'none/where', 'tree/none']) await chroot.remove(path);
  expect(readdirSync(root)).toEqual([]);
  expect(readFileSync(at('../outside/file'), 'utf8')).toBe('stays');
});

test('a tree 51 kB deep is removed, and other calls are answered meanwhile', async () => {
  // Mutation: PART_ENTRIES of a million: the stat is answered after the removal.
  const { chroot, at } = await testChroot({}, memory);
  const script = "import os\nfor i in range(25500):\n os.mkdir('d')\n os.chdir('d')";
  execFileSync('python3', ['-c', script], { cwd: at('') });
  writeFileSync(at('beside'), '');
  const order: string[] = [];
  const removal = chroot.remove('d').then(() => order.push('removed'));
  const other = chroot.stat('beside').then(() => order.push('stat'));
  await Promise.all([removal, other]);
  expect(order).toEqual(['stat', 'removed']);
  expect(readdirSync(at(''))).toEqual(['beside']);
});

test('attributes of users are bytes, set, told and removed; no others are told or taken', async () => {
  const { chroot, at } = await testChroot();
  writeFileSync(at('file'), '');
  const value = Uint8Array.of(0, 255, 10);
  await chroot.setAttribute('file', 'user.\udcff', value);
  await chroot.setAttribute('file', 'user.empty', new Uint8Array());
  if (process.getuid?.() === 0)
    execFileSync('python3', ['-c', `import os; os.setxattr('file', 'trusted.x', b'x')`], { cwd: at('') });
  expect(await chroot.attributes('file')).toEqual({ 'user.\udcff': value, 'user.empty': new Uint8Array() });
  await chroot.setAttribute('file', 'user.empty', null);
  await chroot.setAttribute('file', 'user.empty', null);
  expect(Object.keys(await chroot.attributes('file'))).toEqual(['user.\udcff']);
  await expect(chroot.attributes('none')).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a root is a path or a descriptor that may be closed at once, and a directory', async () => {
  const { chroot, pool, root, at } = await testChroot();
  await chroot.write('file', 'x');
  const fd = openat2(currentDirectory, root, { flags: OpenFlag.O_RDONLY | OpenFlag.O_DIRECTORY });
  const opening = openChroot(pool, fd);
  closeFd(fd);
  await using other = await opening;
  expect((await other.read('file')).toString()).toBe('x');
  await expect(openChroot(pool, at('file'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  await expect(openChroot(pool, at('none'))).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(openChroot(pool, 'relative')).rejects.toMatchObject({ code: 'ERR_FILE_ARGUMENT' });
  const file = openat2(currentDirectory, at('file'), { flags: OpenFlag.O_RDONLY });
  await expect(openChroot(pool, file)).rejects.toMatchObject({ code: 'ENOTDIR' });
  closeFd(file);
  await expect(openChroot(pool, root, { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
});

test('a chroot is closed once, and then refuses; what it held is closed with it', async () => {
  const { chroot } = await testChroot();
  await chroot.write('file', Buffer.alloc(2 ** 20));
  const stream = chroot.readStream('file');
  await stream[Symbol.asyncIterator]().next();
  expect(chroot.closed).toBe(false);
  await Promise.all([chroot.close(), chroot.close()]);
  expect(chroot.closed).toBe(true);
  await expect(chroot.stat('/')).rejects.toMatchObject({ code: 'ERR_HANDLE_CLOSED' });
  await expect(stream.toArray()).rejects.toMatchObject({ code: 'ERR_HANDLE_CLOSED' });
});

test('what is removed while others work in it is missing, and nothing else', async () => {
  const { chroot, at } = await testChroot();
  const act = async (round: number): Promise<void> => {
    mkdirSync(at('tree/sub'), { recursive: true });
    const calls = [
      chroot.write('tree/sub/file', 'x'),
      chroot.list('/', { depth: 5 }),
      chroot.remove('tree'),
      chroot.rename('tree/sub', `moved${round}`),
    ];
    rmSync(at('tree'), { recursive: true, force: true });
    const failed = (await Promise.allSettled(calls)).filter((result) => result.status === 'rejected');
    for (const { reason } of failed) expect((reason as { code: string }).code).toBe('ENOENT');
  };
  for (let round = 0; round < 50; round += 1) await act(round);
});
