import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { expect, test } from 'vitest';
import { linesToEnd, linesUntil, watchedRoot } from './watched-root.ts';

test('what happens to entries of a directory is told once each, with absolute paths in the root', async () => {
  const { at, watch } = await watchedRoot();
  mkdirSync(at('w/sub'), { recursive: true });
  await using changes = await watch('w');
  writeFileSync(at('w/a'), 'content');
  writeFileSync(at('w/empty'), '');
  chmodSync(at('w/a'), 0o600);
  linkSync(at('w/a'), at('w/link'));
  symlinkSync('/nowhere', at('w/symlink'));
  execFileSync('mkfifo', [at('w/fifo')]);
  renameSync(at('w/a'), at('w/b'));
  unlinkSync(at('w/b'));
  writeFileSync(at('w/sub/unseen'), '');
  rmSync(at('w/sub'), { recursive: true });
  mkdirSync(at('w/end'));
  expect(await linesUntil(changes, '/w/end')).toEqual([
    'create /w/a',
    'write /w/a',
    'create /w/empty',
    'chmod /w/a',
    'create /w/link',
    'create /w/symlink',
    'create /w/fifo',
    'rename /w/a > /w/b',
    'remove /w/b',
    'remove /w/sub',
  ]);
});

test('a rename is told with both names; what moves in is created, what moves out is removed', async () => {
  // Red when the half that moved out is told without a look at what follows: "remove", then "create".
  const { at, watch } = await watchedRoot();
  for (const name of ['w/one', 'w/two', 'other']) mkdirSync(at(name), { recursive: true });
  for (const name of ['w/one/f', 'w/out', 'w/over', 'other/in']) writeFileSync(at(name), '');
  await using changes = await watch('/w', { recursive: true });
  renameSync(at('w/one/f'), at('w/two/g'));
  renameSync(at('w/two/g'), at('w/over'));
  renameSync(at('w/out'), at('other/out'));
  renameSync(at('other/in'), at('w/in'));
  mkdirSync(at('w/end'));
  expect(await linesUntil(changes, '/w/end')).toEqual([
    'rename /w/one/f > /w/two/g',
    'rename /w/two/g > /w/over',
    'remove /w/out',
    'create /w/in',
  ]);
});

test('many writes are few changes: one each 100 ms while the file is open, and one when it is closed', async () => {
  const { at, watch } = await watchedRoot();
  await using changes = await watch('/');
  const fd = openSync(at('log'), 'w');
  writeSync(fd, 'a');
  const first = await changes.next();
  expect(first.value).toEqual({ type: 'create', path: '/log' });
  expect((await changes.next()).value).toEqual({ type: 'write', path: '/log' });
  for (let count = 0; count < 1000; count++) writeSync(fd, `${count}`);
  closeSync(fd);
  appendFileSync(at('log'), 'more');
  mkdirSync(at('end'));
  const lines = await linesUntil(changes, '/end');
  expect(new Set(lines)).toEqual(new Set(['write /log']));
  expect(lines.length).toBeLessThan(10);
});

test('a directory made later is watched, and each entry made in it before that is told once', async () => {
  const { at, watch } = await watchedRoot();
  await using changes = await watch('/', { recursive: true });
  // Red without wasTold, and without the reading of what is new. Some exist when the worker looks, others do not.
  for (let round = 0; round < 200; round++) {
    mkdirSync(at(`d${round}/sub/deep`), { recursive: true });
    writeFileSync(at(`d${round}/file`), '');
    writeFileSync(at(`d${round}/sub/deep/file`), '');
  }
  mkdirSync(at('end'));
  const seen = await linesUntil(changes, '/end');
  const expected = Array.from({ length: 200 }, (_, round) =>
    ['', '/file', '/sub', '/sub/deep', '/sub/deep/file'].map((name) => `create /d${round}${name}`),
  ).flat();
  const created = seen.filter((line) => line.startsWith('create'));
  expect(created.toSorted()).toEqual(expected.toSorted());
  expect(seen.filter((line) => !line.startsWith('create') && !line.startsWith('write'))).toEqual([]);
});

test('a directory that moves keeps its watch under the new path, and an exchange of two is followed', async () => {
  const { at, watch } = await watchedRoot();
  mkdirSync(at('a/inner'), { recursive: true });
  mkdirSync(at('b'));
  await using changes = await watch('/', { recursive: true });
  renameSync(at('a'), at('b/moved'));
  writeFileSync(at('b/moved/inner/f'), '');
  mkdirSync(at('a'));
  writeFileSync(at('a/new'), 'content');
  mkdirSync(at('end'));
  const lines = await linesUntil(changes, '/end');
  expect(lines.filter((line) => !line.startsWith('write'))).toEqual([
    'rename /a > /b/moved',
    'create /b/moved/inner/f',
    'create /a',
    'create /a/new',
  ]);
});

test('a symlink is told and never followed, wherever it leads', async () => {
  const { at, directory, watch } = await watchedRoot();
  mkdirSync(at('target'));
  await using changes = await watch('/', { recursive: true });
  symlinkSync(`${directory}/outside`, at('out'));
  symlinkSync('target', at('in'));
  mkdirSync(at('made'));
  symlinkSync(`${directory}/outside`, at('made/out'));
  writeFileSync(`${directory}/outside/secret`, '');
  mkdirSync(at('end'));
  expect((await linesUntil(changes, '/end')).toSorted()).toEqual([
    'create /in',
    'create /made',
    'create /made/out',
    'create /out',
  ]);
});

test('a removed tree is told entry by entry; the watched directory last, and that is the end', async () => {
  // Red without the watch on the directory above: ours is held open, so the kernel does not say that it is gone.
  const { at, watch } = await watchedRoot();
  mkdirSync(at('w/d'), { recursive: true });
  writeFileSync(at('w/d/f'), '');
  const changes = await watch('/w', { recursive: true });
  rmSync(at('w'), { recursive: true });
  expect(await linesToEnd(changes)).toEqual(['remove /w/d/f', 'remove /w/d', 'remove /w']);
  expect(await changes.next()).toEqual({ done: true, value: undefined });
});

test('the watched directory moved away is removed from where it was watched', async () => {
  const { at, watch } = await watchedRoot();
  mkdirSync(at('w'));
  const changes = await watch('/w');
  renameSync(at('w'), at('elsewhere'));
  expect(await linesToEnd(changes)).toEqual(['remove /w']);
});

test('a file is watched by its name, through replacements; a FIFO makes nobody wait', async () => {
  const { at, watch } = await watchedRoot();
  for (const name of ['file', 'beside']) writeFileSync(at(name), '');
  execFileSync('mkfifo', [at('fifo')]);
  await using changes = await watch('/file', { recursive: true });
  await using fifo = await watch('/fifo');
  writeFileSync(at('beside'), 'x');
  utimesSync(at('file'), 1, 1);
  renameSync(at('beside'), at('file'));
  unlinkSync(at('file'));
  chmodSync(at('fifo'), 0o600);
  writeFileSync(at('file'), '');
  expect(await changes.next()).toMatchObject({ value: { type: 'chmod', path: '/file' } });
  expect(await changes.next()).toMatchObject({ value: { type: 'create', path: '/file' } });
  expect(await changes.next()).toMatchObject({ value: { type: 'remove', path: '/file' } });
  expect(await changes.next()).toMatchObject({ value: { type: 'create', path: '/file' } });
  expect(await fifo.next()).toMatchObject({ value: { type: 'chmod', path: '/fifo' } });
});

test('names that are no UTF-8 come back byte by byte', async () => {
  // Red when a path goes through UTF-8.
  const { at, watch } = await watchedRoot();
  await using changes = await watch('/', { recursive: true });
  const inner = Buffer.concat([Buffer.from(at('')), Buffer.from([0x2f, 0xff, 0x0a])]);
  mkdirSync(inner);
  writeFileSync(Buffer.concat([inner, Buffer.from([0x2f, 0xfe])]), '');
  expect((await changes.next()).value).toEqual({ type: 'create', path: '/\udcff\n' });
  expect((await changes.next()).value).toEqual({ type: 'create', path: '/\udcff\n/\udcfe' });
});

test('what is not there is refused, with the error of the system', async () => {
  const { at, watch } = await watchedRoot();
  writeFileSync(at('file'), '');
  await expect(watch('/nothing')).rejects.toMatchObject({ name: 'LinuxError', code: 'ENOENT' });
  await expect(watch('/file/x')).rejects.toMatchObject({ code: 'ENOTDIR' });
  symlinkSync('loop', at('loop'));
  await expect(watch('/loop')).rejects.toMatchObject({ code: 'ELOOP' });
});
