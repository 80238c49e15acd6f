import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import type { Chroot } from '../../src/index.ts';
import { memory, testChroot } from './test-chroot.ts';

/** Every page to the end, each going on where the one before ended. */
async function allPages(chroot: Chroot, path: string, options: { depth?: number; limit: number }): Promise<string[]> {
  const paths: string[] = [];
  for (let after: string | undefined; ; ) {
    const page = await chroot.list(path, { ...options, after });
    paths.push(...page.map((entry) => entry.path));
    if (page.length < options.limit) return paths;
    after = page.at(-1)?.path;
  }
}

test('entries are told as they are and not followed; a FIFO and a socket are not opened', async () => {
  const { chroot, root, at } = await testChroot();
  mkdirSync(at('dir'));
  writeFileSync(at('file'), 'twelve bytes', { mode: 0o600 });
  symlinkSync('/dir', at('link'));
  execFileSync('mkfifo', [at('fifo')]);
  const server = createServer().listen(at('socket'));
  onTestFinished(() => void server.close());
  await expect.poll(() => chroot.exists('socket')).toBe(true);
  const entries = await chroot.list('/');
  expect(entries.map(({ name, type }) => [name, type])).toEqual([
    ['dir', 'directory'],
    ['fifo', 'other'],
    ['file', 'file'],
    ['link', 'symlink'],
    ['socket', 'other'],
  ]);
  expect(entries[2]).toMatchObject({
    path: '/file',
    size: 12,
    mode: 0o600,
    uid: process.getuid?.(),
    symlinkTarget: null,
  });
  expect(entries[3]).toMatchObject({ symlinkTarget: '/dir' });
  expect(await chroot.stat('/')).toMatchObject({ name: '/', path: '/', type: 'directory' });
  await expect(chroot.list('file')).rejects.toMatchObject({ code: 'ENOTDIR' });
  await expect(chroot.list('none')).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await chroot.list('link')).toEqual([]);
  expect(root).toBeDefined();
});

test('pages of any size, from any depth, tell every entry once and in one order', async () => {
  // Mutation: TreeWalk.skipTo() does not enter the last part: what is in a directory that ended a page is missing.
  const { chroot, at } = await testChroot({}, memory);
  const tree = fc.uniqueArray(fc.array(fc.constantFrom('a', 'ab', 'a-', 'b', 'é'), { minLength: 1, maxLength: 5 }), {
    minLength: 1,
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(
      tree,
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 6 }),
      async (paths, limit, depth) => {
        rmSync(at('top'), { recursive: true, force: true });
        mkdirSync(at('top'));
        for (const path of paths) mkdirSync(at(`top/${path.join('/')}`), { recursive: true });
        const whole = (await chroot.list('top', { depth, limit: 10_000 })).map(({ path }) => path);
        expect(await allPages(chroot, 'top', { depth, limit })).toEqual(whole);
        // The order of preorder: part by part.
        const all = new Set(paths.flatMap((path) => path.map((_, index) => path.slice(0, index + 1).join('\0'))));
        const expected = [...all].filter((path) => path.split('\0').length <= depth);
        const key = (path: string): Buffer => Buffer.from(`${path}\0`.replaceAll('\0', '\x01'));
        expected.sort((left, right) => key(left).compare(key(right)));
        expect(whole).toEqual(expected.map((path) => `/top/${path.replaceAll('\0', '/')}`));
      },
    ),
    { numRuns: 60 },
  );
});

test('a page goes on where the last one ended, also when that entry is gone by then', async () => {
  const { chroot, at } = await testChroot();
  for (const path of ['a', 'b/c/d', 'e']) mkdirSync(at(path), { recursive: true });
  const after = '/b/c/d';
  for (const gone of ['b/c/d', 'b/c', 'b']) {
    rmSync(at(gone), { recursive: true });
    expect((await chroot.list('/', { depth: 9, after })).map(({ path }) => path)).toEqual(['/e']);
  }
  const refused = { code: 'ERR_FILE_ARGUMENT' };
  await expect(chroot.list('/a', { after: '/b' })).rejects.toMatchObject(refused);
  await expect(chroot.list('/a', { after: '/a' })).rejects.toMatchObject(refused);
  await expect(chroot.list('/a', { after: '/a/../b' })).rejects.toMatchObject(refused);
});

test('what is made or goes between two pages is told or left out', async () => {
  // Mutation: NameWindow.read() takes the names it has without asking whether the directory is the same.
  const { chroot, at } = await testChroot({}, memory);
  for (let index = 10; index < 40; index += 1) writeFileSync(at(`f${index}`), '');
  const page = async (after?: string): Promise<string[]> =>
    (await chroot.list('/', { limit: 5, after })).map(({ name }) => name);
  expect(await page()).toEqual(['f10', 'f11', 'f12', 'f13', 'f14']);
  writeFileSync(at('f145'), '');
  rmSync(at('f16'));
  expect(await page('/f14')).toEqual(['f145', 'f15', 'f17', 'f18', 'f19']);
  expect(await page('/f19')).toEqual(['f20', 'f21', 'f22', 'f23', 'f24']);
  expect(await page('/f12')).toEqual(['f13', 'f14', 'f145', 'f15', 'f17']);
  expect(await page('/f37')).toEqual(['f38', 'f39']);
});

test('a hundred thousand entries come in pages, and a deep tree with few descriptors', async () => {
  const { chroot, at } = await testChroot({}, memory);
  execFileSync('python3', ['-c', "import os\nfor i in range(100000): os.mknod(f'{i:05}')"], { cwd: at('') });
  const paths = await allPages(chroot, '/', { limit: 10_000 });
  expect(paths).toEqual(Array.from({ length: 100_000 }, (_, index) => `/${String(index).padStart(5, '0')}`));
  const deep = Array.from({ length: 1000 }, () => 'dir').join('/');
  mkdirSync(at(`deep/${deep}/end`), { recursive: true });
  expect((await allPages(chroot, 'deep', { depth: 10_000, limit: 77 })).at(-1)).toBe(`/deep/${deep}/end`);
});

test('names of any bytes survive every way in and out', async () => {
  // Mutation: paths encoded as UTF-8 alone: the lone surrogates become U+FFFD, and stat says ENOENT.
  const { chroot } = await testChroot();
  const names = ['new\nline', '\udcff\udc80', 'x'.repeat(255), '💩', `${'\udce9'.repeat(254)}y`, ' ', '\u007f\u0001'];
  for (const name of names) {
    expect(await chroot.write(`d/${name}`, name === ' ' ? 'blank' : 'x')).toMatchObject({ name, path: `/d/${name}` });
    await chroot.rename(`d/${name}`, `d/moved`);
    await chroot.rename('d/moved', `d/${name}`);
    expect((await chroot.stat(`d/${name}`)).name).toBe(name);
    await chroot.makeDirectory(`sub/${name}/${name}`);
  }
  const told = (await chroot.list('d')).map(({ name }) => name);
  expect(new Set(told)).toEqual(new Set(names));
  expect(await chroot.list('sub', { depth: 2 })).toHaveLength(2 * names.length);
  for (const name of told) await chroot.remove(JSON.parse(JSON.stringify(`d/${name}`)) as string);
  expect(await chroot.list('d')).toEqual([]);
  await expect(chroot.write(`d/${'x'.repeat(256)}`, '')).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
  await expect(chroot.stat('x/'.repeat(3000))).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
});
