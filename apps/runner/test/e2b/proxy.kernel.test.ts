import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { HostedSandbox } from '../../src/e2b/hosted/hosted-sandbox.ts';
import { type Answered, routing, startWeb, useProxied } from './proxied.ts';

const used = useProxied();
let hosted: HostedSandbox;
beforeAll(async () => {
  hosted = await used.make();
  await startWeb(hosted.sandbox, 8000);
});
afterAll(async () => {
  await hosted.sandbox.destroy();
});

const to8000 = (): object => routing(hosted, 8000);
/** The values of a header as the server inside saw them. */
const seen = ({ json }: Answered, name: string): string[] =>
  json.headers.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
/** Resolves when a client of the server inside has gone, as that one sees it. */
const goneInside = (): Promise<Answered> => used.ask({ path: '/gone', headers: { ...to8000() } });

describe('a user port', () => {
  it('answers by its name, by routing headers and by its path', async () => {
    const { id } = hosted;
    const ways = [
      { path: '/echo?a=1', headers: { Host: `8000-${id}.sbx.test:3000` } },
      { path: '/echo?a=1', headers: { Host: `8000-${id}-client.SBX.test` } },
      { path: '/echo?a=1', headers: routing(hosted, 8000) },
      { path: '/echo?a=1', headers: { Host: 'sandbox.sbx.test', ...to8000() } },
      { path: `/sandbox/${id}/port/8000/echo?a=1` },
    ];
    for (const way of ways) {
      const { status, json } = await used.ask(way);
      expect([status, json.path], JSON.stringify(way)).toEqual([200, '/echo?a=1']);
    }
  });

  it('may listen on any address', async () => {
    await startWeb(hosted.sandbox, 8001, '::1');
    await startWeb(hosted.sandbox, 8002, '0.0.0.0');
    for (const port of [8001, 8002])
      expect((await used.ask({ path: '/echo', headers: routing(hosted, port) })).status).toBe(200);
  });

  it('gets a body byte for byte, of known length or not', async () => {
    const body = randomBytes(5 * 2 ** 20);
    const sha256 = createHash('sha256').update(body).digest('hex');
    for (const framing of [{ 'Content-Length': body.length }, { 'Transfer-Encoding': 'chunked' }]) {
      const headers = { ...to8000(), ...framing };
      const { json } = await used.ask({ method: 'PUT', path: '/echo', headers, body });
      expect(json).toMatchObject({ method: 'PUT', length: body.length, sha256 });
    }
  });

  it('gets headers as they were written, and says its own', async () => {
    const headers = ['Host', 'localhost', 'X-Two', 'a', 'x-two', 'b', 'Cookie', 'c=1', 'User-Agent', 'me'];
    for (const [name, value] of Object.entries(to8000())) headers.push(name, String(value));
    const asked = await used.ask({ path: '/echo', headers });
    expect(asked.json.headers.slice(0, 4)).toEqual([
      ['Host', 'localhost'],
      ['X-Two', 'a'],
      ['x-two', 'b'],
      ['User-Agent', 'me'],
    ]);
    expect(seen(asked, 'cookie')).toEqual(['c=1']);
    const many = await used.open({ path: '/many', headers: { ...to8000() } });
    many.resume();
    expect([many.statusCode, many.headers['set-cookie'], many.headers['x-odd'], many.headers['date']]).toEqual([
      201,
      ['a=1; Path=/', 'b=2'],
      'café',
      undefined,
    ]);
  });

  // Mutation, in turn: `x-forwarded-for` is not among ours; hopByHop() without what Connection names.
  it('gets no header that is about one connection, and none about its client that the client has made up', async () => {
    const hop = {
      Connection: 'close, x-hop, content-length',
      'Keep-Alive': 'timeout=5',
      'Proxy-Authorization': 'Basic eA==',
      TE: 'trailers',
      'X-Hop': 'mine',
    };
    const forged = {
      'X-Forwarded-For': '6.6.6.6',
      'X-Forwarded-Host': 'evil',
      'X-Real-IP': '6.6.6.6',
      Forwarded: 'for=6',
    };
    const headers = { Host: 'localhost:1', ...to8000(), ...hop, ...forged, 'Content-Length': 2 };
    const asked = await used.ask({ method: 'POST', path: '/echo', headers, body: 'ab' });
    for (const name of ['keep-alive', 'proxy-authorization', 'te', 'x-hop', 'x-real-ip', 'forwarded'])
      expect(seen(asked, name), name).toEqual([]);
    expect(seen(asked, 'connection')).toEqual(['close']);
    expect(seen(asked, 'x-forwarded-for')).toEqual(['127.0.0.1']);
    expect(seen(asked, 'x-forwarded-host')).toEqual(['localhost:1']);
    expect(seen(asked, 'x-forwarded-proto')).toEqual(['http']);
    expect(asked.json.length).toBe(2);
    const many = await used.open({ path: '/many', headers: { ...to8000() } });
    many.resume();
    expect([many.headers['keep-alive'], many.headers['x-hop']]).toEqual([undefined, undefined]);
  });

  // Mutation: isSecret() is always false.
  it('never gets a key of this server or a token of its sandbox; keys of its own it does', async () => {
    const ours = `e2b_${'0123456789'.repeat(4)}`;
    const secrets = {
      'X-API-KEY': ours,
      Authorization: `Bearer ${ours}`,
      'X-Access-Token': hosted.envdToken ?? '',
      'E2b-Traffic-Access-Token': 'any',
    };
    const asked = await used.ask({ path: '/echo', headers: { ...to8000(), ...secrets } });
    const text = asked.body.toString();
    for (const secret of [ours, hosted.envdToken, 'raffic', 'andbox-']) expect(text).not.toContain(secret);
    const own = { 'X-API-Key': 'own', Authorization: 'Bearer own', 'X-Access-Token': 'own' };
    const other = await used.ask({ path: '/echo', headers: { ...to8000(), ...own } });
    for (const name of ['x-api-key', 'x-access-token']) expect(seen(other, name)).toEqual(['own']);
    expect(seen(other, 'authorization')).toEqual(['Bearer own']);
  });

  it('sees the Host that its sandbox was made with, and behind X-Forwarded-Host the one that was asked for', async () => {
    const masked = await used.make({ maskRequestHost: 'localhost:${PORT}' });
    await startWeb(masked.sandbox, 8000);
    const asked = await used.ask({ path: '/echo', headers: { Host: 'localhost', ...routing(masked, 8000) } });
    expect([seen(asked, 'host'), seen(asked, 'x-forwarded-host')]).toEqual([['localhost:8000'], ['localhost']]);
    await masked.sandbox.destroy();
  });

  it('leads its client where it wants to, and the proxy follows nowhere', async () => {
    const bare = await used.ask({ path: '/redirect', headers: { ...to8000() } });
    expect([bare.status, bare.headers.location]).toEqual([302, '/echo?redirected']);
    const prefix = `/sandbox/${hosted.id}/port/8000`;
    const { status, headers } = await used.ask({ path: `${prefix}/redirect` });
    expect([status, headers.location, headers['set-cookie']]).toEqual([
      302,
      `${prefix}/echo?redirected`,
      [`s=1; Path=${prefix}/app; HttpOnly`],
    ]);
    const asked = await used.ask({ path: headers.location ?? '' });
    expect([asked.json.path, seen(asked, 'x-forwarded-prefix')]).toEqual(['/echo?redirected', [prefix]]);
    const slash = await used.ask({ path: `${prefix}?a=1` });
    expect([slash.status, slash.headers.location]).toEqual([308, `${prefix}/?a=1`]);
  });

  it('uses a connection again for what can be asked twice, and a new one for what cannot', async () => {
    const client = async (method: string): Promise<number> =>
      (await used.ask({ method, path: '/echo', headers: { ...to8000() } })).json.client;
    const first = await client('GET');
    expect(await client('GET')).toBe(first);
    expect(await client('POST')).not.toBe(first);
    expect(await client('OPTIONS')).toBe(first);
  });
});

describe('a stream', () => {
  it('of events comes as it is written, its headers before the first', async () => {
    const silent = await used.open({ path: '/events', headers: { ...to8000() } });
    expect(silent.headers['content-type']).toBe('text/event-stream');
    silent.destroy();
    await goneInside();
    const events = await used.open({ path: '/events?first', headers: { ...to8000() } });
    const [first] = await once(events, 'data');
    expect(String(first)).toBe('data: 1\n\n');
    events.destroy();
    await goneInside();
  });

  // Mutation: forward() does not destroy the request to the server when its client has gone.
  it('ends inside when its client has gone: before an answer, in it, and in a body', async () => {
    const gone = new AbortController();
    const silent = used.ask({ path: '/silent', headers: { ...to8000() }, signal: gone.signal });
    await vi.waitUntil(() => used.connections > 0, { timeout: 10_000 });
    gone.abort();
    await expect(silent).rejects.toThrow();
    await goneInside();
    const upload = connect(used.port, '127.0.0.1');
    const head = `POST /broken-upload HTTP/1.1\r\nHost: localhost\r\nE2b-Sandbox-Id: ${hosted.id}\r\nE2b-Sandbox-Port: 8000\r\n`;
    upload.write(`${head}Content-Length: 100000\r\n\r\n${'x'.repeat(50_000)}`, () => upload.destroy());
    await goneInside();
  });

  it('is taken no faster than its client takes it', async () => {
    const endless = await used.open({ path: '/endless', headers: { ...to8000() } });
    const written = async (): Promise<number> =>
      Number((await used.ask({ path: '/written', headers: { ...to8000() } })).body);
    let before = -1;
    let now = 0;
    // It has stopped when nothing was taken from one look to the next; what it had by then is what is asserted.
    const hasStopped = async (): Promise<boolean> => {
      before = now;
      now = await written();
      return now === before && now > 0;
    };
    await vi.waitUntil(hasStopped, { interval: 300, timeout: 20_000 });
    expect(now).toBeLessThan(32 * 2 ** 20);
    endless.destroy();
    await goneInside();
  });

  // Mutations: lingerAfter() does not take what is left; it leaves destroySoon() as it is.
  it('that is refused before its end is answered, also to who sends all of it first', async () => {
    const body = Buffer.alloc(20 * 2 ** 20);
    for (const path of ['/early', '/refuse'])
      for (const connection of ['keep-alive', 'close']) {
        const socket = connect(used.port, '127.0.0.1');
        const sent = once(socket, 'drain');
        const head = `POST ${path} HTTP/1.1\r\nHost: 8000-${hosted.id}.sbx.test\r\nConnection: ${connection}\r\nContent-Length: ${body.length}\r\n\r\n`;
        socket.write(Buffer.concat([Buffer.from(head), body]));
        await sent;
        const [answer] = await once(socket, 'data');
        expect(String(answer)).toMatch(/^HTTP\/1\.1 413 [^]*too large$/);
        socket.destroy();
      }
  });

  it('of a HEAD, a 204 and of nothing has no body', async () => {
    const head = await used.open({ method: 'HEAD', path: '/many', headers: { ...to8000() } });
    expect([head.headers['content-length'], (await buffer(head)).length]).toEqual(['4', 0]);
  });
});
