import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isRemoteFilesystem } from '../../src/chroot/entry-details.ts';
import { testChroot } from './test-chroot.ts';

test('details tell where a symlink leads to in the end, inside the root, and what is there', async () => {
  const { chroot, at } = await testChroot();
  mkdirSync(at('a/b'), { recursive: true });
  writeFileSync(at('a/b/file'), 'x', { mode: 0o640 });
  symlinkSync('/a', at('first'));
  symlinkSync('../first/b/file', at('a/second'));
  symlinkSync('/first/second', at('third'));
  symlinkSync('/', at('root'));
  const details = (path: string): Promise<unknown> => chroot.stat(path, { details: 'user.' }).then((e) => e.details);
  const nothing = { target: null, attributes: {}, isRemote: false };
  expect(await details('third')).toEqual({ ...nothing, target: { path: '/a/b/file', type: 'file', mode: 0o640 } });
  expect(await details('first')).toMatchObject({ target: { path: '/a', type: 'directory' } });
  expect(await details('root')).toMatchObject({ target: { path: '/', type: 'directory' } });
  expect(await details('/first/b/file')).toEqual(nothing);
  expect(await chroot.stat('third')).not.toHaveProperty('details');
});

test('a symlink that leads nowhere, in a circle, out of the root or to the kernel’s own files tells no target', async () => {
  const { chroot, root, at } = await testChroot();
  mkdirSync(at('../outside'));
  writeFileSync(at('../outside/secret'), '');
  const links = {
    nowhere: '/none',
    circle: 'circle',
    above: '../../../../../../outside/secret',
    host: `${root}/../outside/secret`,
    kernel: '/proc/self/root',
    deleted: 'gone (deleted)',
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, at(name));
  mkdirSync(at('proc'));
  const entries = await chroot.list('/', { details: 'user.' });
  const told = entries.filter(({ type }) => type === 'symlink').map(({ name, details }) => [name, details?.target]);
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(Object.keys(links).map((name) => [name, null])));
});

test('details have the attributes with the prefix that was asked for, of what a symlink leads to', async () => {
  const { chroot, at } = await testChroot();
  writeFileSync(at('file'), '');
  symlinkSync('file', at('link'));
  execFileSync('mkfifo', [at('fifo')]);
  await chroot.setAttribute('file', 'user.mine.a', Buffer.from('1'));
  await chroot.setAttribute('file', 'user.mine.\uDCFF', Buffer.from([0xff]));
  await chroot.setAttribute('file', 'user.other', Buffer.from('2'));
  const wanted = { 'user.mine.a': new Uint8Array([49]), 'user.mine.\uDCFF': new Uint8Array([0xff]) };
  const entries = await chroot.list('/', { details: 'user.mine.' });
  expect(entries.map(({ name, details }) => [name, details?.attributes])).toEqual([
    ['fifo', {}],
    ['file', wanted],
    ['link', wanted],
  ]);
  for (const details of ['', 'user', 'trusted.', 'security.'])
    await expect(chroot.stat('file', { details })).rejects.toMatchObject({ code: 'ERR_FILE_ARGUMENT' });
});

test('of more attributes than fit, details tell as many as do', async () => {
  const { chroot, at } = await testChroot({}, '/dev/shm');
  writeFileSync(at('file'), '');
  for (let count = 0; count < 40; count += 1) await chroot.setAttribute('file', `user.${count}`, Buffer.alloc(1000));
  const { details } = await chroot.stat('file', { details: 'user.' });
  expect(Object.keys(details?.attributes ?? {})).toHaveLength(8);
});

test('filesystems that another machine or program keeps are told from the others', () => {
  for (const remote of [0x6969, 0xff534d42, 0x517b, 0xfe534d42, 0x65735546])
    expect(isRemoteFilesystem(remote)).toBe(true);
  for (const local of [0xef53, 0x01021994, 0x794c7630]) expect(isRemoteFilesystem(local)).toBe(false);
});
