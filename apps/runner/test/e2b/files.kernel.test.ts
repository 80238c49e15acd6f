/** Long, because each form in which a client may send or ask for the content of a file is a row here, over one server. */
import { randomBytes } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sign } from '../../src/e2b/envd/files/signature.ts';
import type { HostedSandbox } from '../../src/e2b/hosted/hosted-sandbox.ts';
import { useEnvd } from './envd-server.ts';

const used = useEnvd();
const mebibyte = 2 ** 20;
let box: HostedSandbox;

beforeAll(async () => {
  box = await used.create();
});
afterAll(() => box.sandbox.destroy());

async function shell(script: string): Promise<string> {
  const { stdout, stderr, exitCode } = await box.sandbox.run(['sh', '-c', script], { user: 'root' });
  expect([exitCode, stderr.toString()]).toEqual([0, '']);
  return stdout.toString().trimEnd();
}

type Headers = Record<string, string>;

const at = (query: Record<string, string>): string => `/files?${new URLSearchParams(query).toString()}`;
const get = (query: Record<string, string>, headers: Headers = {}, method = 'GET'): Promise<Response> =>
  used.fetch(box, at(query), { method, headers: { 'Accept-Encoding': 'identity', ...headers } });

function put(
  query: Record<string, string>,
  body: NonNullable<RequestInit['body']>,
  headers: Headers = {},
): Promise<Response> {
  const type = body instanceof FormData ? {} : { 'Content-Type': 'application/octet-stream' };
  return used.fetch(box, at(query), { method: 'POST', body, headers: { ...type, ...headers } });
}

function form(...files: [name: string | undefined, content: string | Buffer][]): FormData {
  const data = new FormData();
  for (const [name, content] of files) {
    const bytes = typeof content === 'string' ? content : new Uint8Array(content);
    data.append('file', new Blob([bytes]), name);
  }
  return data;
}

async function told(answer: Promise<Response>): Promise<[status: number, body: unknown]> {
  const { status, ...rest } = await answer.then(async (one) => ({ status: one.status, body: await one.json() }));
  return [status, rest.body];
}

const refused = async (answer: Promise<Response>): Promise<[number, string]> => {
  const [status, body] = await told(answer);
  expect(body).toMatchObject({ code: status });
  return [status, (body as { message: string }).message];
};

describe('a file that is read', () => {
  it('comes as it is, with its name, type and version', async () => {
    await shell('printf "one\\ntwo" > /srv/a.txt; touch -d @1700000000 /srv/a.txt; ln -s a.txt /srv/link');
    const answer = await get({ path: '/srv/a.txt' });
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-disposition': 'inline; filename=a.txt',
      'content-length': '7',
      'content-type': 'text/plain; charset=utf-8',
      'last-modified': 'Tue, 14 Nov 2023 22:13:20 GMT',
      vary: 'Accept-Encoding',
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
      'access-control-allow-origin': '*',
    });
    expect(await answer.text()).toBe('one\ntwo');
    expect(await (await get({ path: '/srv/link' })).text()).toBe('one\ntwo');
    const head = await get({ path: '/srv/a.txt' }, {}, 'HEAD');
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '7', '']);
  });

  it('of any length and any bytes is the same outside, compressed where that is asked for', async () => {
    const sizes = [0, 1, 65_536, 65_537, 3 * mebibyte + 1];
    const contents = sizes.flatMap((size) => [randomBytes(size), Buffer.alloc(size, 'compressible ')]);
    for (const [index, content] of contents.entries()) {
      const size = content.length;
      await box.sandbox.files.write('/srv/bytes', content);
      const plain = await get({ path: '/srv/bytes' });
      expect(plain.headers.get('content-length')).toBe(String(size));
      expect(content.equals(Buffer.from(await plain.arrayBuffer())), `${size} bytes`).toBe(true);
      const compressed = await get({ path: '/srv/bytes' }, { 'Accept-Encoding': 'gzip, deflate' });
      // What gzip makes no smaller is sent as it is.
      expect(compressed.headers.get('content-encoding'), `${index}`).toBe(index % 2 && size >= 1024 ? 'gzip' : null);
      // fetch has expanded it.
      expect(content.equals(Buffer.from(await compressed.arrayBuffer())), `${size} bytes`).toBe(true);
      const forced = await get({ path: '/srv/bytes' }, { 'Accept-Encoding': 'gzip, identity;q=0' });
      expect(forced.headers.get('content-encoding'), `${index}`).toBe(size === 0 ? null : 'gzip');
      expect(content.equals(Buffer.from(await forced.arrayBuffer())), `${size} bytes`).toBe(true);
    }
  });

  it('that is empty says so by its length, whatever encoding is asked for', async () => {
    await box.sandbox.files.write('/srv/empty', '');
    for (const encoding of ['gzip', 'gzip, identity;q=0', 'identity']) {
      const answer = await get({ path: '/srv/empty' }, { 'Accept-Encoding': encoding });
      expect([answer.status, answer.headers.get('content-length')]).toEqual([200, '0']);
      expect(await answer.text()).toBe('');
    }
  });

  it('is compressed or not as the client takes it; 406 when it takes neither', async () => {
    await box.sandbox.files.write('/srv/long', 'long '.repeat(1000));
    await box.sandbox.files.write('/srv/short', 'short');
    await box.sandbox.files.write('/srv/long.png', 'long '.repeat(1000));
    const encoding = async (path: string, accepted: string): Promise<string | null | number> => {
      const answer = await get({ path }, { 'Accept-Encoding': accepted });
      await answer.arrayBuffer();
      return answer.status === 200 ? answer.headers.get('content-encoding') : answer.status;
    };
    expect(await encoding('/srv/long', 'GZIP;q=0.5')).toBe('gzip');
    expect(await encoding('/srv/long', 'br, *;q=0.1')).toBe('gzip');
    expect(await encoding('/srv/long', 'identity, gzip;q=0.5')).toBe(null);
    expect(await encoding('/srv/long', 'gzip;q=0')).toBe(null);
    expect(await encoding('/srv/long', 'br')).toBe(null);
    expect(await encoding('/srv/short', 'gzip')).toBe(null);
    expect(await encoding('/srv/short', 'gzip, identity;q=0')).toBe('gzip');
    expect(await encoding('/srv/long.png', 'gzip')).toBe(null);
    expect(await encoding('/srv/long', 'identity;q=0')).toBe(406);
    expect(await encoding('/srv/long', 'br, *;q=0')).toBe(406);
  });

  it('comes in part, and not again to who has it', async () => {
    const content = randomBytes(300_000);
    await box.sandbox.files.write('/srv/part', content);
    const range = async (value: string, more: Headers = {}): Promise<[number, string | null, Buffer]> => {
      const answer = await get({ path: '/srv/part' }, { Range: value, 'Accept-Encoding': 'gzip', ...more });
      expect(answer.headers.get('content-encoding')).toBe(null);
      return [answer.status, answer.headers.get('content-range'), Buffer.from(await answer.arrayBuffer())];
    };
    expect(await range('bytes=0-9')).toEqual([206, 'bytes 0-9/300000', content.subarray(0, 10)]);
    expect(await range('bytes=299990-')).toEqual([206, 'bytes 299990-299999/300000', content.subarray(-10)]);
    expect(await range('bytes=-10')).toEqual([206, 'bytes 299990-299999/300000', content.subarray(-10)]);
    expect(await range('bytes=1-999999')).toEqual([206, 'bytes 1-299999/300000', content.subarray(1)]);
    expect((await range('bytes=300000-')).slice(0, 2)).toEqual([416, 'bytes */300000']);
    for (const odd of ['bytes=5-1', 'lines=1-2', 'bytes=0-1,3-4', 'bytes=-'])
      expect(await range(odd)).toEqual([200, null, content]);
    const first = await get({ path: '/srv/part' });
    await first.arrayBuffer();
    const tag = first.headers.get('etag') ?? '';
    const date = first.headers.get('last-modified') ?? '';
    expect((await get({ path: '/srv/part' }, { 'If-None-Match': `"x", ${tag}` })).status).toBe(304);
    expect((await get({ path: '/srv/part' }, { 'If-None-Match': '"x"', 'If-Modified-Since': date })).status).toBe(200);
    expect((await get({ path: '/srv/part' }, { 'If-Modified-Since': date })).status).toBe(304);
    expect((await get({ path: '/srv/part' }, { 'If-Match': '"x"' })).status).toBe(412);
    expect((await range('bytes=0-9', { 'If-Range': date }))[0]).toBe(206);
    expect((await range('bytes=0-9', { 'If-Range': 'Tue, 14 Nov 2023 22:13:20 GMT' }))[0]).toBe(200);
  });

  it('is named so that every client has its name', async () => {
    const names = {
      'a b"\\.txt': 'inline; filename="a b\\"\\\\.txt"',
      "ü'(x)": "inline; filename*=utf-8''%C3%BC%27%28x%29",
    };
    for (const [name, disposition] of Object.entries(names)) {
      await box.sandbox.files.write(`/srv/${name}`, 'x');
      expect((await get({ path: `/srv/${name}` })).headers.get('content-disposition')).toBe(disposition);
    }
  });

  it('that cannot be is refused in the words of clients', async () => {
    await shell('mkfifo /srv/fifo; ln -s /none /srv/dangling');
    expect(await refused(get({ path: '/none' }))).toEqual([404, "path '/none' does not exist"]);
    expect(await refused(get({ path: '/srv/dangling' }))).toEqual([404, "path '/srv/dangling' does not exist"]);
    expect(await refused(get({ path: '/etc' }))).toEqual([400, "path '/etc' is a directory"]);
    expect(await refused(get({}))).toEqual([400, "path '/home/user' is a directory"]);
    for (const path of [
      '/srv/fifo',
      '/dev/zero',
      '/proc/self/environ',
      'a\0b',
      'n'.repeat(5000),
      `/${'n'.repeat(300)}`,
    ])
      expect((await refused(get({ path })))[0], path.slice(0, 20)).toBeOneOf([400, 404]);
    expect((await refused(get({ path: '/etc/passwd', username: 'nobody-here' })))[0]).toBe(401);
  });
});

describe('a file that is stored', () => {
  it('is its user’s, with directories for it, and is answered with name, path and type alone', async () => {
    expect(await told(put({ path: '/0/deep/x.txt' }, 'hello'))).toEqual([
      200,
      [{ name: 'x.txt', path: '/0/deep/x.txt', type: 'file' }],
    ]);
    expect(await shell('stat -c "%U:%G %a" /0 /0/deep /0/deep/x.txt; cat /0/deep/x.txt')).toBe(
      'user:user 755\nuser:user 755\nuser:user 644\nhello',
    );
    expect(await told(put({ path: 'mine', username: 'root' }, 'x'))).toMatchObject([200, [{ path: '/root/mine' }]]);
    expect(await told(put({ path: '~/his' }, 'x'))).toMatchObject([200, [{ path: '/home/user/his' }]]);
  });

  it('replaces what was there, which becomes the user’s and keeps its mode and its place behind a symlink', async () => {
    await shell('printf "#!/bin/sh\\nlong and old" > /srv/script; chmod 4755 /srv/script; ln -s script /srv/to-script');
    expect(await told(put({ path: '/srv/to-script' }, 'new'))).toMatchObject([200, [{ path: '/srv/to-script' }]]);
    expect(await shell('stat -c "%U %a %F" /srv/script /srv/to-script; cat /srv/script')).toBe(
      'user 755 regular file\nroot 777 symbolic link\nnew',
    );
  });

  it('comes as it is or in a form, plain or compressed, of any length', async () => {
    for (const size of [0, 1, 65_536, 65_537, 2 * mebibyte + 1]) {
      const content = randomBytes(size);
      const sent: [string, () => Promise<Response>][] = [
        ['raw', () => put({ path: '/srv/in' }, content)],
        ['gzip', () => put({ path: '/srv/in' }, gzipSync(content), { 'Content-Encoding': 'gzip' })],
        ['form', () => put({ path: '/srv/in' }, form(['ignored', content]))],
      ];
      for (const [how, send] of sent) {
        await box.sandbox.files.write('/srv/in', 'before');
        expect(await told(send()), `${how} ${size}`).toMatchObject([200, [{ path: '/srv/in' }]]);
        const { size: there } = await box.sandbox.files.stat('/srv/in');
        expect([how, there, content.equals(await box.sandbox.files.read('/srv/in'))]).toEqual([how, size, true]);
      }
    }
  });

  it('comes with others in one form, each under its name, directories and all', async () => {
    const answer = await told(
      put({}, form(['/srv/f/1', 'one'], ['f/2', 'two'], ['/srv/f/ü "3"', 'three'], ['/srv/f/4', ''])),
    );
    expect(answer).toEqual([
      200,
      [
        { name: '1', path: '/srv/f/1', type: 'file' },
        { name: '2', path: '/home/user/f/2', type: 'file' },
        { name: 'ü %223%22', path: '/srv/f/ü %223%22', type: 'file' },
        { name: '4', path: '/srv/f/4', type: 'file' },
      ],
    ]);
    expect(await shell('cat /srv/f/1 /home/user/f/2 /srv/f/ü*')).toBe('onetwothree');
  });

  it('may lack a name in its form where the query has the path', async () => {
    const body = '--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nnameless\r\n--b--\r\n';
    const headers = { 'Content-Type': 'multipart/form-data; boundary=b' };
    expect(await told(put({ path: '/srv/nameless' }, body, headers))).toMatchObject([200, [{ path: '/srv/nameless' }]]);
    expect(await shell('cat /srv/nameless')).toBe('nameless');
    expect((await refused(put({}, body, headers)))[0]).toBe(400);
  });

  it('is refused for what it lacks, and those before it are named', async () => {
    expect((await refused(put({}, 'x')))[0]).toBe(400);
    expect((await refused(put({ path: '/srv/x' }, 'x', { 'Content-Type': 'text/plain' })))[0]).toBe(400);
    expect(await refused(put({ path: '/srv/x' }, 'x', { 'Content-Encoding': 'br' }))).toMatchObject([
      400,
      expect.stringContaining('unsupported Content-Encoding: br'),
    ]);
    expect((await refused(put({ path: '/srv/x' }, 'no gzip', { 'Content-Encoding': 'gzip' })))[0]).toBe(400);
    const cut = gzipSync(randomBytes(200_000)).subarray(0, 150_000);
    expect((await refused(put({ path: '/srv/cut' }, cut, { 'Content-Encoding': 'gzip' })))[0]).toBe(400);
    expect(await box.sandbox.files.exists('/srv/cut')).toBe(false);
    expect(await refused(put({ path: '/etc' }, 'x'))).toEqual([400, 'path is a directory: /etc']);
    expect((await refused(put({ path: '/etc/passwd/x' }, 'x')))[0]).toBe(400);
    expect((await refused(put({ path: '/srv/x', username: 'nobody-here' }, 'x')))[0]).toBe(401);
    const twice = form(
      ['/srv/one', '1'],
      ['/srv/two', '2'],
      ['/srv/../srv/one', '3'],
      ['/srv/one', '4'],
      ['/srv/five', '5'],
    );
    expect(await refused(put({}, twice))).toMatchObject([
      400,
      expect.stringMatching(/'\/srv\/one'.*before it: \/srv\/one, \/srv\/two/),
    ]);
    expect(await box.sandbox.files.exists('/srv/five')).toBe(false);
  });

  it('that does not fit is 507, is not left there in part, and takes no room', async () => {
    const small = await used.create({}, { limits: { rootBytes: 8 * mebibyte } });
    const send = (path: string, size: number): Promise<Response> =>
      used.fetch(small, at({ path }), {
        method: 'POST',
        headers: { 'Content-Type': 'application/octet-stream' },
        body: Buffer.alloc(size, 'x'),
      });
    expect((await refused(send('/srv/big', 20 * mebibyte)))[0]).toBe(507);
    expect(await small.sandbox.files.exists('/srv/big')).toBe(false);
    expect((await send('/srv/fits', 4 * mebibyte)).status).toBe(200);
    await small.sandbox.destroy();
  });
});

describe('metadata of a file', () => {
  const metadataOf = async (path: string): Promise<Record<string, string>> => {
    const found = await box.sandbox.files.attributes(path);
    return Object.fromEntries(Object.entries(found).map(([key, value]) => [key, Buffer.from(value).toString()]));
  };

  it('is replaced by each upload, and cleared by one without', async () => {
    const headers = { 'X-Metadata-Author': 'me', 'X-Metadata-note': 'with spaces' };
    const first = await told(put({ path: '/srv/meta' }, 'x', headers));
    expect(first).toEqual([
      200,
      [{ name: 'meta', path: '/srv/meta', type: 'file', metadata: { author: 'me', note: 'with spaces' } }],
    ]);
    await box.sandbox.files.setAttribute('/srv/meta', 'user.other', Buffer.from('stays'));
    await box.sandbox.files.setAttribute('/srv/meta', 'user.e2b.\udcff', Buffer.from('of a program inside'));
    expect(await metadataOf('/srv/meta')).toMatchObject({ 'user.e2b.author': 'me', 'user.e2b.note': 'with spaces' });
    await put({ path: '/srv/meta' }, 'x', { 'X-Metadata-author': 'you' });
    expect(await metadataOf('/srv/meta')).toEqual({ 'user.e2b.author': 'you', 'user.other': 'stays' });
    expect(await told(put({ path: '/srv/meta' }, 'x'))).toEqual([
      200,
      [{ name: 'meta', path: '/srv/meta', type: 'file' }],
    ]);
    expect(await metadataOf('/srv/meta')).toEqual({ 'user.other': 'stays' });
    await put({}, form(['/srv/meta-1', '1'], ['/srv/meta-2', '2']), headers);
    for (const path of ['/srv/meta-1', '/srv/meta-2'])
      expect(await metadataOf(path)).toMatchObject({ 'user.e2b.author': 'me' });
  });

  it('has keys of at most 246 bytes and 4096 bytes in all; more is refused before anything is written', async () => {
    const key = (length: number): string => `X-Metadata-${'k'.repeat(length)}`;
    expect((await put({ path: '/srv/limit' }, 'x', { [key(246)]: 'v'.repeat(3850) })).status).toBe(200);
    expect((await refused(put({ path: '/srv/over' }, 'x', { [key(247)]: 'v' })))[0]).toBe(400);
    expect((await refused(put({ path: '/srv/over' }, 'x', { [key(246)]: 'v'.repeat(3851) })))[0]).toBe(400);
    expect(await box.sandbox.files.exists('/srv/over')).toBe(false);
  });
});

describe('several files', () => {
  const compose = (body: unknown): Promise<Response> =>
    used.fetch(box, '/files/compose', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });

  it('become one in their order, which takes its place when it is whole; they go', async () => {
    const parts = [randomBytes(200_000), Buffer.alloc(0), Buffer.from('end')];
    for (const [index, part] of parts.entries()) await box.sandbox.files.write(`/srv/p${index}`, part);
    await box.sandbox.files.write('/home/user/c/whole', 'before');
    const answer = await told(compose({ source_paths: ['/srv/p0', '/srv/p1', '/srv/p2'], destination: 'c/whole' }));
    expect(answer).toEqual([200, { name: 'whole', path: '/home/user/c/whole', type: 'file' }]);
    expect(Buffer.concat(parts).equals(await box.sandbox.files.read('/home/user/c/whole'))).toBe(true);
    expect(
      await shell('stat -c "%U %a" /home/user/c/whole; ls /home/user/c; ls /srv | grep -c "^p[0-9]" || true'),
    ).toBe('user 644\nwhole\n0');
  });

  it('stay as they are when one is missing, no file, or the destination itself', async () => {
    await box.sandbox.files.write('/srv/q', 'q');
    expect((await refused(compose({ source_paths: ['/srv/q', '/none'], destination: '/srv/r' })))[0]).toBe(404);
    expect((await refused(compose({ source_paths: ['/srv/q', '/etc'], destination: '/srv/r' })))[0]).toBe(400);
    expect((await refused(compose({ source_paths: ['/srv/q'], destination: '/srv/q' })))[0]).toBe(400);
    expect((await refused(compose({ source_paths: ['/srv/q'], destination: '/etc' })))[0]).toBeOneOf([400, 409]);
    for (const body of [{}, { source_paths: [], destination: '/x' }, { source_paths: [1], destination: '/x' }, []])
      expect((await refused(compose(body)))[0]).toBe(400);
    expect(await shell('cat /srv/q; ls -d /srv/r* /etc.* 2>/dev/null || true')).toBe('q');
  });
});

describe('a signed URL', () => {
  const signed = (
    path: string,
    operation: 'read' | 'write',
    { username = '', expiration = null as string | null, token = box.envdToken ?? '' } = {},
  ): Record<string, string> => ({
    path,
    ...(username === '' ? {} : { username }),
    signature: sign({ path, operation, username, expiration }, token),
    ...(expiration === null ? {} : { signature_expiration: expiration }),
  });
  /** As who has the URL and nothing else. */
  const bare = (
    query: Record<string, string>,
    init: Omit<RequestInit, 'headers'> & { headers?: Headers } = {},
  ): Promise<Response> =>
    fetch(`${used.url}${at(query)}`, { ...init, headers: { 'E2b-Sandbox-Id': box.id, ...init.headers } });
  const inSeconds = (seconds: number): string => String(Math.floor(Date.now() / 1000) + seconds);

  it('is what clients make of path, operation, user, token and expiry', () => {
    // printf PATH:OPERATION:USER:TOKEN[:EXPIRY] | openssl dgst -sha256 -binary | base64
    const [read, write] = [
      { path: '/a', operation: 'read', username: '', expiration: null },
      { path: 'b c', operation: 'write', username: 'user', expiration: '1700000000' },
    ] as const;
    expect(sign(read, 'token')).toBe('v1_aplmC4NkJq68ZefW7XTqyoyNGwWxiO32wjsTlW+LEX4');
    expect(sign(write, 'token')).toBe('v1_iNHFdi7yz35LxLcmfu+PzlN/4qYuK9PhYNkGQ8mdkls');
  });

  it('opens its path for its operation and user until it expires, and nothing else', async () => {
    await box.sandbox.files.write('/srv/signed', 'content');
    await box.sandbox.files.write('/home/user/rel', 'relative');
    expect(await (await bare(signed('/srv/signed', 'read'))).text()).toBe('content');
    expect(await (await bare(signed('rel', 'read', { expiration: inSeconds(60) }))).text()).toBe('relative');
    expect(await (await bare(signed('/srv/signed', 'read', { username: 'root' }))).text()).toBe('content');
    const post = (query: Record<string, string>): Promise<Response> =>
      bare(query, { method: 'POST', body: form(['x', 'new']) });
    expect((await post(signed('/srv/signed', 'write', { expiration: inSeconds(60) }))).status).toBe(200);
    expect(await shell('cat /srv/signed')).toBe('new');
    const invalid = [401, 'invalid signature'];
    expect(await refused(bare(signed('/srv/signed', 'write')))).toEqual(invalid);
    expect(await refused(post(signed('/srv/signed', 'read')))).toEqual(invalid);
    expect(await refused(bare({ ...signed('/srv/signed', 'read'), path: '/etc/passwd' }))).toEqual(invalid);
    expect(await refused(bare({ ...signed('/srv/signed', 'read'), username: 'root' }))).toEqual(invalid);
    expect(
      await refused(
        bare({ ...signed('/srv/signed', 'read', { expiration: '5' }), signature_expiration: inSeconds(60) }),
      ),
    ).toEqual(invalid);
    expect(await refused(bare(signed('/srv/signed', 'read', { token: 'other' })))).toEqual(invalid);
    expect(await refused(bare({ path: '/srv/signed' }))).toEqual([401, 'missing signature query parameter']);
  });

  it('that is over says so, only to who has a right one', async () => {
    const over = signed('/srv/signed', 'read', { expiration: inSeconds(-5) });
    expect(await told(bare(over))).toEqual([401, { code: 401, message: 'signature is already expired' }]);
    expect(await refused(bare({ ...over, path: '/x' }))).toEqual([401, 'invalid signature']);
    for (const expiration of ['soon', '', '-1', 'Infinity', 'NaN'])
      expect((await refused(bare(signed('/srv/signed', 'read', { expiration }))))[0], expiration).toBe(401);
  });

  it('is not needed with the token, and a wrong token is not helped by it', async () => {
    expect((await get({ path: '/srv/signed', signature: 'wrong' })).status).toBe(200);
    const headers = { 'X-Access-Token': 'wrong' };
    expect(await refused(bare(signed('/srv/signed', 'read'), { headers }))).toEqual([
      401,
      'access token present in header but does not match',
    ]);
  });

  it('opens nothing of compose, which wants the token', async () => {
    const answer = fetch(`${used.url}/files/compose${at(signed('', 'write')).slice('/files'.length)}`, {
      method: 'POST',
      headers: { 'E2b-Sandbox-Id': box.id, 'Content-Type': 'application/json' },
      body: JSON.stringify({ source_paths: ['/srv/signed'], destination: '/srv/x' }),
    });
    expect((await refused(answer))[0]).toBe(401);
  });
});

it('gunzip of what is sent is the file', async () => {
  // fetch expands by itself; this is what crosses.
  const { request } = await import('node:http');
  const { buffer } = await import('node:stream/consumers');
  const content = Buffer.alloc(mebibyte, 'compressible ');
  await box.sandbox.files.write('/srv/zipped', content);
  const url = new URL(`${used.url}${at({ path: '/srv/zipped' })}`);
  const headers = { 'E2b-Sandbox-Id': box.id, 'X-Access-Token': box.envdToken ?? '', 'Accept-Encoding': 'gzip' };
  const bytes = await new Promise<Buffer>((resolve, reject) => {
    request(url, { headers }, (response) => void buffer(response).then(resolve, reject))
      .on('error', reject)
      .end();
  });
  expect(bytes.length).toBeLessThan(mebibyte / 10);
  expect(gunzipSync(bytes).equals(content)).toBe(true);
});
