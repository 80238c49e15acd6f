import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();

describe.each(['memory', 'disk'] as const)('details of files in a root in %s', (root) => {
  test('name owner and group by the files of the sandbox, and tell attributes and the end of symlinks', async () => {
    await using sandbox = await used.runtime.create({ root });
    const { files } = sandbox;
    await shell(sandbox, 'echo "eve:x:77:78::/:/bin/sh" >> /etc/passwd; echo "evil:x:78:" >> /etc/group');
    await shell(
      sandbox,
      'mkdir -p /srv/a; touch /srv/a/eve /srv/a/nobody; chown 77:78 /srv/a/eve; chown 79:80 /srv/a/nobody',
    );
    await shell(
      sandbox,
      'ln -s a /srv/b; ln -s ../b/eve /srv/a/link; ln -s /proc/self/root /srv/a/proc; ln -s . /srv/a/self',
    );
    await files.setAttribute('/srv/a/eve', 'user.mine', Buffer.from('1'));
    const told = await files.list('/srv/b', { details: 'user.mine' });
    expect(told.map(({ path, details }) => [path, details])).toEqual([
      ['/srv/b/eve', details({ owner: 'eve', group: 'evil', attributes: { 'user.mine': new Uint8Array([49]) } })],
      [
        '/srv/b/link',
        details({
          target: { path: '/srv/a/eve', type: 'file', mode: 0o644 },
          attributes: { 'user.mine': new Uint8Array([49]) },
        }),
      ],
      ['/srv/b/nobody', details({ owner: '79', group: '80' })],
      ['/srv/b/proc', details({})],
      ['/srv/b/self', details({ target: { path: '/srv/a', type: 'directory', mode: 0o755 } })],
    ]);
    expect((await files.stat('/srv/b', { details: 'user.' })).details?.target?.path).toBe('/srv/a');
    expect(await files.stat('/srv/b')).not.toHaveProperty('details');
  });
});

function details(given: object): object {
  return { target: null, owner: 'root', group: 'root', attributes: {}, isRemote: false, ...given };
}

test('details go without names where passwd and group cannot be read', async () => {
  await using sandbox = await used.runtime.create();
  await shell(sandbox, 'rm /etc/passwd; mkfifo /etc/passwd; ln -sf /proc/1/root/etc/group /etc/group');
  expect((await sandbox.files.stat('/srv', { details: 'user.' })).details).toMatchObject({ owner: '0', group: '0' });
});

test("a path is resolved from the user's home, and only of a user who is there", async () => {
  await using sandbox = await used.runtime.create();
  const { files } = sandbox;
  expect(await files.resolve('a/../b', { user: 'user' })).toBe('/home/user/b');
  expect(await files.resolve('../../../etc')).toBe('/etc');
  expect(await files.resolve('.')).toBe('/root');
  expect(await files.resolve('/a/../b')).toBe('/a/../b');
  await expect(files.resolve('/a', { user: 'none' })).rejects.toMatchObject({ code: 'ERR_USER_NOT_FOUND' });
  await expect(files.resolve('')).rejects.toMatchObject({ code: 'ERR_SPEC_INVALID' });
});

test('a file that is there is taken over, and a new one that did not become whole is gone', async () => {
  await using sandbox = await used.runtime.create({ user: 'user', limits: { rootBytes: 4 * 2 ** 20 } });
  const { files } = sandbox;
  await files.write('/srv/script', 'old', { user: 'root', mode: 0o755 });
  expect(await files.write('/srv/script', 'new')).toMatchObject({ uid: 0 });
  expect(await files.write('/srv/script', 'new', { takeOver: true })).toMatchObject({ uid: 1000, mode: 0o755 });
  const chunk = Buffer.alloc(2 ** 20, 'x');
  const more = (): Readable => Readable.from([chunk, chunk, chunk, chunk, chunk, chunk]);
  await expect(files.write('/srv/big', more(), { removeUnfinished: true })).rejects.toMatchObject({
    code: 'ERR_NO_SPACE',
  });
  expect(await files.exists('/srv/big')).toBe(false);
  // What it took is free again.
  expect(await files.write('/srv/fits', chunk, { removeUnfinished: true })).toMatchObject({ size: chunk.length });
});
