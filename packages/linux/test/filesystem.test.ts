import { closeSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { syncFileSystem, unmountDetached } from '../src/index.ts';

test('syncFileSystem() takes any open file of the filesystem', () => {
  const fd = openSync(tmpdir(), 'r');
  expect(syncFileSystem(fd)).toBeUndefined();
  closeSync(fd);
  expect(() => syncFileSystem(fd)).toThrow(expect.objectContaining({ code: 'EBADF', syscall: 'syncfs' }));
});

test('a path that is no mount is a LinuxError naming it', () => {
  expect(() => unmountDetached('/no/such/place')).toThrow(/umount2\("\/no\/such\/place", MNT_DETACH\)/);
});
