import { Code, ConnectError } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileType } from '../../src/e2b/envd/protocol/filesystem.generated.ts';
import type { HostedSandbox } from '../../src/e2b/hosted/hosted-sandbox.ts';
import { useEnvd } from './envd-server.ts';
import { filesystemClient } from './filesystem-client.ts';

const used = useEnvd();
let box: HostedSandbox;

beforeAll(async () => {
  box = await used.create();
});
afterAll(() => box.sandbox.destroy());

const client = (user?: string): ReturnType<typeof filesystemClient> => filesystemClient(used, box, user);

/** What a shell script prints as root, which a test relies on. */
async function shell(script: string): Promise<string> {
  const { stdout, stderr, exitCode } = await box.sandbox.run(['sh', '-c', script], { user: 'root' });
  expect([exitCode, stderr.toString()]).toEqual([0, '']);
  return stdout.toString().trimEnd();
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.catch((error: unknown) => error);
  expect(error).toBeInstanceOf(ConnectError);
  return Code[(error as ConnectError).code];
}

describe('entries', () => {
  it('are told with names of owner and group, permissions in letters, size and time', async () => {
    await shell(
      'mkdir -p /srv/e && cd /srv/e && printf hello > f && chmod 640 f && chown user:root f && touch -d @1700000000 f',
    );
    const { entry } = await client().stat({ path: '/srv/e/f' });
    expect(entry).toMatchObject({
      name: 'f',
      path: '/srv/e/f',
      type: FileType.FILE,
      size: 5n,
      mode: 0o640,
      permissions: '-rw-r-----',
      owner: 'user',
      group: 'root',
      metadata: {},
    });
    expect(entry?.modifiedTime?.seconds).toBe(1_700_000_000n);
    expect(entry?.symlinkTarget).toBeUndefined();
    const directory = (await client().stat({ path: '/srv/e' })).entry;
    expect(directory).toMatchObject({ type: FileType.DIRECTORY, permissions: 'drwxr-xr-x', mode: 0o755 });
    expect(directory?.size).toBeGreaterThan(0n);
    expect((await client().stat({ path: '/tmp' })).entry).toMatchObject({ permissions: 'dtrwxrwxrwx', mode: 0o777 });
  });

  it('cross as JSON in the encodings of clients', async () => {
    await shell('printf hello > /srv/json; chmod 644 /srv/json; touch -d @1700000000.5 /srv/json');
    const body = JSON.stringify({ path: '/srv/json' });
    const headers = { 'Content-Type': 'application/json', 'Connect-Protocol-Version': '1' };
    const answer = await used.fetch(box, '/filesystem.Filesystem/Stat', { method: 'POST', headers, body });
    expect(await answer.json()).toEqual({
      entry: {
        name: 'json',
        type: 'FILE_TYPE_FILE',
        path: '/srv/json',
        size: '5',
        mode: 0o644,
        permissions: '-rw-r--r--',
        owner: 'root',
        group: 'root',
        modifiedTime: '2023-11-14T22:13:20.500Z',
      },
    });
  });

  it('of symlinks have type and mode of what they lead to, and its path', async () => {
    await shell(
      'mkdir -p /srv/l/d && cd /srv/l && touch d/f && chmod 600 d/f && ln -s d e && ln -s ../l/e/f s && ln -s /none n && ln -s c c',
    );
    const stat = async (path: string): Promise<object | undefined> => (await client().stat({ path })).entry;
    expect(await stat('/srv/l/s')).toMatchObject({
      type: FileType.FILE,
      mode: 0o600,
      permissions: 'Lrwxrwxrwx',
      symlinkTarget: '/srv/l/d/f',
    });
    expect(await stat('/srv/l/e')).toMatchObject({ type: FileType.DIRECTORY, symlinkTarget: '/srv/l/d' });
    expect(await stat('/srv/l/n')).toMatchObject({ type: FileType.SYMLINK, mode: 0, symlinkTarget: '/none' });
    expect(await stat('/srv/l/c')).toMatchObject({ type: FileType.SYMLINK, symlinkTarget: '/srv/l/c' });
  });

  it('are metadata by the attributes user.e2b.* and no others', async () => {
    await box.sandbox.files.write('/srv/m', '');
    await box.sandbox.files.setAttribute('/srv/m', 'user.e2b.author', Buffer.from('me'));
    await box.sandbox.files.setAttribute('/srv/m', 'user.other', Buffer.from('no'));
    expect((await client().stat({ path: '/srv/m' })).entry?.metadata).toEqual({ author: 'me' });
  });

  it('are found from the home of the user whose call it is', async () => {
    await shell('echo 1 > /home/user/mine; echo 2 > /root/his');
    for (const path of ['mine', './mine', '~/mine', '../user/mine'])
      expect((await client().stat({ path })).entry?.path).toBe('/home/user/mine');
    expect((await client('root').stat({ path: '~/his' })).entry?.path).toBe('/root/his');
    for (const path of ['', '~', '.']) expect((await client().stat({ path })).entry?.path).toBe('/home/user');
    expect(await codeOf(client().stat({ path: '~root/his' }))).toBe('InvalidArgument');
  });

  it('that are not there, or cannot be, are refused by code', async () => {
    expect(await codeOf(client().stat({ path: '/none' }))).toBe('NotFound');
    expect(await codeOf(client().stat({ path: '/etc/passwd/below' }))).toBe('NotFound');
    expect(await codeOf(client().stat({ path: 'a\0b' }))).toBe('InvalidArgument');
    expect(await codeOf(client().stat({ path: 'n'.repeat(5000) }))).toBe('InvalidArgument');
    expect(await codeOf(client().stat({ path: `/${'n'.repeat(300)}` }))).toBe('InvalidArgument');
    const error = await client('nobody-here')
      .stat({ path: '/tmp' })
      .catch((error: unknown) => error);
    expect(error).toMatchObject({ code: Code.Unauthenticated, rawMessage: "invalid username: 'nobody-here'" });
  });
});

describe('directories', () => {
  it('are made with those above them as the user’s own; one that is there is told so', async () => {
    const { entry } = await client().makeDir({ path: '/0/a/b' });
    expect(entry).toMatchObject({ path: '/0/a/b', owner: 'user', group: 'user', permissions: 'drwxr-xr-x' });
    expect(await shell('stat -c "%U %a" /0 /0/a')).toBe('user 755\nuser 755');
    await shell('ln -s /0 /srv/zero; touch /srv/file; ln -s file /srv/filelink');
    for (const path of ['/0/a/b', '/srv/zero', '/'])
      expect(await codeOf(client().makeDir({ path }))).toBe('AlreadyExists');
    for (const path of ['/srv/file', '/srv/filelink', '/srv/file/below'])
      expect(await codeOf(client().makeDir({ path }))).toBe('InvalidArgument');
    expect((await client('root').makeDir({ path: 'made' })).entry).toMatchObject({ path: '/root/made', owner: 'root' });
  });

  it('are listed to a depth, before what is in them, by the bytes of names, a symlink to one followed', async () => {
    await shell(
      'mkdir -p /srv/t/a/deep /srv/t/b; touch /srv/t/a.x /srv/t/a/1 /srv/t/a/deep/2 /srv/t/z; ln -s t /srv/tt; ln -s a /srv/t/l',
    );
    const paths = async (path: string, depth?: number): Promise<string[]> =>
      (await client().listDir({ path, depth: depth ?? 0 })).entries.map((entry) => entry.path);
    const one = ['a', 'a.x', 'b', 'l', 'z'];
    expect(await paths('/srv/t')).toEqual(one.map((name) => `/srv/t/${name}`));
    expect(await paths('/srv/t', 1)).toEqual(await paths('/srv/t'));
    const all = ['a', 'a/1', 'a/deep', 'a/deep/2', 'a.x', 'b', 'l', 'z'];
    expect(await paths('/srv/t', 4_294_967_295)).toEqual(all.map((name) => `/srv/t/${name}`));
    expect(await paths('/srv/tt')).toEqual(one.map((name) => `/srv/tt/${name}`));
    expect(await paths('/srv/t/b')).toEqual([]);
  });

  it('that are none are refused by code', async () => {
    await shell('ln -sfn loop /srv/loop; ln -sfn /none /srv/dangling');
    expect(await codeOf(client().listDir({ path: '/none' }))).toBe('NotFound');
    expect(await codeOf(client().listDir({ path: '/srv/dangling' }))).toBe('NotFound');
    expect(await codeOf(client().listDir({ path: '/etc/passwd' }))).toBe('InvalidArgument');
    expect(await codeOf(client().listDir({ path: '/srv/loop' }))).toBe('FailedPrecondition');
  });
});

describe('names', () => {
  it('are changed, with directories made for the new one, in place of a file', async () => {
    await shell('mkdir -p /srv/from/sub; echo 1 > /srv/from/f; echo 2 > /srv/old');
    const { entry } = await client().move({ source: '/srv/from', destination: '/srv/new/deep/to' });
    expect(entry).toMatchObject({ path: '/srv/new/deep/to', type: FileType.DIRECTORY });
    expect(await shell('stat -c %U /srv/new; ls /srv/new/deep/to')).toBe('user\nf\nsub');
    await client().move({ source: '/srv/new/deep/to/f', destination: '/srv/old' });
    expect(await shell('cat /srv/old')).toBe('1');
    expect(await codeOf(client().move({ source: '/none', destination: '/srv/nowhere/x' }))).toBe('NotFound');
    expect(await codeOf(client().stat({ path: '/srv/nowhere' }))).toBe('NotFound');
    await shell('mkdir -p /srv/full/x');
    expect(await codeOf(client().move({ source: '/srv/new', destination: '/srv/full' }))).toBe('AlreadyExists');
  });

  it('are removed with everything below; what is not there is fine, the root is not', async () => {
    await shell('mkdir -p /srv/gone/a/b; touch /srv/gone/a/f; ln -s /etc /srv/gone/etc');
    await client().remove({ path: '/srv/gone' });
    await client().remove({ path: '/srv/gone' });
    expect(await codeOf(client().stat({ path: '/srv/gone' }))).toBe('NotFound');
    expect(await shell('test -s /etc/passwd && echo there')).toBe('there');
    expect(await codeOf(client().remove({ path: '/' }))).toBe('InvalidArgument');
  });
});

it('inv-56: no path, symlink or link of /proc leads out of the sandbox', async () => {
  await shell(
    'mkdir -p /srv/out; ln -s ../../../../../../../../etc/shadow /srv/out/up; ln -s /proc/1/root /srv/out/proc',
  );
  await shell('echo inside > /etc/shadow');
  const size = (await client().stat({ path: '/etc/shadow' })).entry?.size;
  expect(size).toBe(7n);
  for (const path of ['../../../../../../etc/shadow', '/../../etc/shadow', '/srv/out/../../../etc/shadow'])
    expect((await client().stat({ path })).entry?.size).toBe(size);
  expect((await client().stat({ path: '/srv/out/up' })).entry).toMatchObject({ symlinkTarget: '/etc/shadow' });
  expect((await client().stat({ path: '/srv/out/proc' })).entry).toMatchObject({ type: FileType.SYMLINK, mode: 0 });
  expect(await codeOf(client().listDir({ path: '/srv/out/proc' }))).toBe('FailedPrecondition');
  expect(await codeOf(client().listDir({ path: '/proc/1/cwd' }))).toBe('FailedPrecondition');
});

it('a directory of thirty thousand files is listed whole, and others are answered meanwhile', async () => {
  await shell('mkdir -p /srv/many/b && cd /srv/many && seq -w 30000 | xargs touch; touch b/below');
  const listing = client().listDir({ path: '/srv/many', depth: 2 });
  const done = new AbortController();
  let answered = 0;
  const others = (async (): Promise<void> => {
    for (; !done.signal.aborted; answered += 1) await used.fetch(box, '/health');
  })();
  const { entries } = await listing;
  done.abort();
  await others;
  expect(entries).toHaveLength(30_002);
  expect(entries[0]?.name).toBe('00001');
  expect(entries.slice(-2).map(({ path }) => path)).toEqual(['/srv/many/b', '/srv/many/b/below']);
  expect(answered).toBeGreaterThan(10);
}, 120_000);

it('a listing whose client goes away half-way is given up', async () => {
  const abort = new AbortController();
  const answer = await used.fetch(box, '/filesystem.Filesystem/ListDir', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ path: '/', depth: 4000 }),
    signal: abort.signal,
  });
  expect(answer.status).toBe(200);
  await answer.body?.getReader().read();
  abort.abort();
  expect((await client().stat({ path: '/' })).entry?.path).toBe('/');
});

it('a name that is no UTF-8 does not spoil the list that it is in', async () => {
  // Mutation: entryInfoOf() passes the name on as it is: the client refuses the whole answer.
  await shell(
    'mkdir /srv/odd; cd /srv/odd; touch "$(printf "a\\377")" "$(printf "new\\nline")" \'quote"\'; ln -s "$(printf "\\376")" z',
  );
  await box.sandbox.files.setAttribute('/srv/odd/quote"', 'user.e2b.\udcff', Buffer.from([0xff]));
  const { entries } = await client().listDir({ path: '/srv/odd' });
  expect(entries.map(({ name }) => name)).toEqual(['a\ufffd', 'new\nline', 'quote"', 'z']);
  expect(entries[3]?.symlinkTarget).toBe('/srv/odd/\ufffd');
  expect(entries[2]?.metadata).toEqual({ '\ufffd': '\ufffd' });
});
