import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { buffer, json } from 'node:stream/consumers';
import type { FileChange, FileEntry } from '@hatchery/runtime';
import { beforeAll, describe, expect, it } from 'vitest';
import { readLines } from '../src/client/read-lines.ts';
import { formatQuery } from '../src/wire/query.ts';
import { useServer } from './server.ts';

const server = useServer();
const mebibyte = 2 ** 20;

beforeAll(async () => {
  await server().client.call('POST', '/v1/sandboxes', { body: { id: 'box' } });
  await server().client.call('POST', '/v1/sandboxes', {
    body: { id: 'small', limits: { memoryBytes: 128 * mebibyte, rootBytes: 16 * mebibyte } },
  });
});

const at = (rest: string, query: Record<string, string | number | undefined>, id = 'box'): string =>
  `/v1/sandboxes/${id}/files${rest}${formatQuery(query)}`;

async function send(method: string, path: string, body?: Buffer | Readable, type?: string): Promise<IncomingMessage> {
  // With a connection that is to close the answer could be lost behind what is still being sent.
  const headers = { connection: 'keep-alive', ...(type === undefined ? {} : { 'content-type': type }) };
  const sent = request({ socketPath: server().socket, method, path, headers, agent: false });
  if (body instanceof Readable) body.pipe(sent);
  else sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  sent.on('error', () => {}); // what is not sent any more
  response.once('close', () => sent.destroy());
  return response;
}

async function ask(
  method: string,
  path: string,
  body?: Buffer,
  type?: string,
): Promise<{ status: number | undefined; body: unknown }> {
  const response = await send(method, path, body, type);
  const text = (await buffer(response)).toString();
  return { status: response.statusCode, body: text === '' ? null : JSON.parse(text) };
}

describe('files over the API', () => {
  it('are written as bytes of any type and read back, all of them or a part', async () => {
    const content = Buffer.alloc(3 * mebibyte + 1, 'content ');
    for (const type of [undefined, 'application/octet-stream', 'application/json', 'text/plain']) {
      const written = await ask('PUT', at('/content', { path: '/srv/f', mode: '640' }), content, type);
      expect(written).toMatchObject({ status: 200, body: { path: '/srv/f', size: content.length, mode: 0o640 } });
    }
    const response = await send('GET', at('/content', { path: '/srv/f' }));
    expect(response).toMatchObject({ statusCode: 200, headers: { 'content-type': 'application/octet-stream' } });
    expect((await buffer(response)).equals(content)).toBe(true);
    const part = await buffer(await send('GET', at('/content', { path: '/srv/f', offset: 8, length: 7 })));
    expect(part.toString()).toBe('content');
    await ask('PUT', at('/content', { path: '/srv/empty' }));
    expect(await buffer(await send('GET', at('/content', { path: '/srv/empty' })))).toHaveLength(0);
    await ask('PUT', at('/content', { path: '/srv/empty', append: '1' }), Buffer.from('no longer'));
    expect((await buffer(await send('GET', at('/content', { path: '/srv/empty' })))).toString()).toBe('no longer');
  });

  it('are told, listed in pages, made, renamed and removed, whatever bytes their names have', async () => {
    const name = 'a\nb\uDCFF?&=%';
    await ask('PUT', at('/content', { path: `/srv/dir/${name}` }), Buffer.from('x'));
    expect(await ask('PUT', at('/directory', { path: '/srv/dir/sub', user: 'user' }))).toMatchObject({
      status: 200,
      body: { type: 'directory', uid: 1000 },
    });
    const first = await ask('GET', at('/list', { path: '/srv/dir', limit: 1 }));
    expect(first.body).toMatchObject({ entries: [{ name }] });
    const after = (first.body as { entries: FileEntry[] }).entries[0]?.path;
    const second = await ask('GET', at('/list', { path: '/srv/dir', after }));
    expect(second.body).toMatchObject({ entries: [{ name: 'sub' }] });
    const body = Buffer.from(JSON.stringify({ from: `/srv/dir/${name}`, to: '/srv/dir/\uDCFE' }));
    expect(await ask('POST', at('/rename', {}), body, 'application/json')).toMatchObject({
      status: 200,
      body: { name: '\uDCFE' },
    });
    expect(await ask('GET', at('', { path: '/srv/dir/\uDCFE' }))).toMatchObject({
      status: 200,
      body: { size: 1, type: 'file' },
    });
    expect(await ask('DELETE', at('', { path: '/srv/dir' }))).toEqual({ status: 204, body: null });
    expect(await ask('DELETE', at('', { path: '/srv/dir' }))).toEqual({ status: 204, body: null });
    expect(await ask('GET', at('', { path: '/srv/dir' }))).toMatchObject({
      status: 404,
      body: { error: { code: 'ERR_FILE_NOT_FOUND' } },
    });
  });

  it('say what is wrong with a status of its own, before any byte', async () => {
    const refused: [string, string, number, string][] = [
      ['GET', at('/content', { path: '/no/such' }), 404, 'ERR_FILE_NOT_FOUND'],
      ['GET', at('/content', { path: '/dev/zero' }), 400, 'ERR_FILE_TYPE'],
      ['GET', at('/content', { path: '/srv', offset: 'x' }), 400, 'ERR_REQUEST_INVALID'],
      ['GET', at('/content', {}), 400, 'ERR_REQUEST_INVALID'],
      ['GET', '/v1/sandboxes/box/files/content?path=%00', 400, 'ERR_SPEC_INVALID'],
      ['GET', at('/content', { path: '/etc/passwd' }, 'none'), 404, 'ERR_SANDBOX_NOT_FOUND'],
      ['GET', at('/archive', { path: '/no/such' }), 404, 'ERR_FILE_NOT_FOUND'],
      ['GET', at('/watch', { path: '/no/such' }), 404, 'ERR_FILE_NOT_FOUND'],
      ['GET', at('/list', { path: '/srv', depth: 0 }), 400, 'ERR_SPEC_INVALID'],
      ['PUT', at('/content', { path: '/srv', mode: '9' }), 400, 'ERR_REQUEST_INVALID'],
      ['PUT', at('/content', { path: '/srv' }), 400, 'ERR_FILE_TYPE'],
      ['PUT', at('/directory', { path: '/etc/passwd' }), 400, 'ERR_FILE_TYPE'],
      ['PUT', at('/archive', { path: '/srv/x' }), 400, 'ERR_ARCHIVE_INVALID'],
    ];
    for (const [method, path, status, code] of refused) {
      const body = method === 'PUT' && !path.includes('/directory') ? Buffer.from('no tar') : undefined;
      const answer = await ask(method, path, body, body && 'application/octet-stream');
      expect(answer, path).toMatchObject({ status, body: { error: { code } } });
    }
  });

  it('have attributes, their values as base64', async () => {
    await server().client.call('POST', '/v1/sandboxes', {
      body: { id: 'ondisk', root: 'disk', limits: { rootBytes: 32 * mebibyte } },
    });
    const path = at('/attributes', { path: '/srv' }, 'ondisk');
    const set = (value: string | null): Buffer => Buffer.from(JSON.stringify({ name: 'user.x', value }));
    expect(await ask('PUT', path, set('AAH/'), 'application/json')).toMatchObject({ status: 204 });
    expect(await ask('GET', path)).toEqual({ status: 200, body: { attributes: { 'user.x': 'AAH/' } } });
    expect(await ask('PUT', path, set('no base64'), 'application/json')).toMatchObject({ status: 400 });
    expect(await ask('PUT', path, set(null), 'application/json')).toMatchObject({ status: 204 });
    expect(await ask('GET', path)).toEqual({ status: 200, body: { attributes: {} } });
    await ask('DELETE', '/v1/sandboxes/ondisk');
  });

  it('are watched from the headers on, a line each, until the sandbox ends', async () => {
    await server().client.call('POST', '/v1/sandboxes', { body: { id: 'watched' } });
    const response = await server().client.stream(at('/watch', { path: '/srv', recursive: '1' }, 'watched'));
    await ask('PUT', at('/content', { path: '/srv/d/f' }, 'watched'), Buffer.from('x'));
    const seen: FileChange[] = [];
    let destroyed: Promise<void> | null = null;
    for await (const line of readLines(response)) {
      seen.push(JSON.parse(line) as FileChange);
      if (seen.at(-1)?.path === '/srv/d/f') destroyed ??= server().client.call('DELETE', '/v1/sandboxes/watched');
    }
    await destroyed;
    expect(seen).toContainEqual({ type: 'create', path: '/srv/d' });
  });

  it('go from one sandbox to another as an archive', async () => {
    await ask('PUT', at('/content', { path: '/srv/tree/sub/f' }), Buffer.from('in a tree'));
    const archive = await send('GET', at('/archive', { path: '/srv/tree' }));
    expect(archive.headers['content-type']).toBe('application/x-tar');
    const answer = await send('PUT', at('/archive', { path: '/srv/copy', user: 'user' }), archive, 'application/x-tar');
    expect(answer.statusCode).toBe(200);
    expect(await json(answer)).toMatchObject({ bytes: 9 });
    expect(await ask('GET', at('', { path: '/srv/copy/sub/f' }))).toMatchObject({ body: { uid: 1000, size: 9 } });
  });

  it('R13: a body of 10 GB is 507 while it is still being sent, and the memory of the server stays flat', async () => {
    const chunk = Buffer.alloc(mebibyte);
    let sent = 0;
    const source = Readable.from(
      (function* () {
        for (; sent < 10 ** 10; sent += chunk.length) yield chunk;
      })(),
      { objectMode: false },
    );
    const before = server().residentBytes;
    const response = await send('PUT', at('/content', { path: '/srv/big' }, 'small'), source);
    expect(response.statusCode).toBe(507);
    expect(await json(response)).toMatchObject({ error: { code: 'ERR_NO_SPACE' } });
    source.destroy();
    response.destroy();
    expect(sent).toBeLessThan(10 ** 9);
    expect(server().residentBytes - before).toBeLessThan(150 * mebibyte);
    expect(await ask('GET', at('', { path: '/etc/passwd' }, 'small'))).toMatchObject({ status: 200 });
  });

  // Mutation: the rest of the body not read in bodyOf(): the client waits for ever.
  it('a client that looks at its answer only once it has sent everything gets it', async () => {
    const socket = connect(server().socket);
    const megabytes = 64;
    const path = at('/content', { path: '/srv/big' }, 'small');
    socket.write(`PUT ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${megabytes * mebibyte}\r\n\r\n`);
    for (let sent = 0; sent < megabytes; sent += 1)
      if (!socket.write(Buffer.alloc(mebibyte))) await once(socket, 'drain');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString('latin1')).toMatch(/^HTTP\/1.1 507 /);
    socket.destroy();
  });

  it('a client that goes away in the middle of a body ends the write, and leaves no descriptor', async () => {
    const { descriptors } = server();
    const sent = request({
      socketPath: server().socket,
      method: 'PUT',
      path: at('/content', { path: '/srv/half' }),
      agent: false,
    });
    sent.on('error', () => {});
    sent.write(Buffer.alloc(100_000));
    const half = async (): Promise<number | undefined> =>
      ((await ask('GET', at('', { path: '/srv/half' }))).body as FileEntry).size;
    await expect.poll(half, { timeout: 10_000 }).toBe(100_000);
    sent.destroy();
    const reading = await send('GET', at('/content', { path: '/srv/f' }));
    reading.destroy();
    await expect.poll(() => server().descriptors, { timeout: 10_000 }).toBeLessThanOrEqual(descriptors);
  });
});
