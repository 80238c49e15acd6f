import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from 'node:http2';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostedSandbox } from '../../src/e2b/hosted/hosted-sandbox.ts';
import { routing, startRaw, startWeb, type Told, useProxied } from './proxied.ts';

const used = useProxied();
let hosted: HostedSandbox;
let session: ClientHttp2Session;
beforeAll(async () => {
  hosted = await used.make();
  await Promise.all([startWeb(hosted.sandbox, 8000), startRaw(hosted.sandbox, 8001)]);
  session = connect(`http://127.0.0.1:${used.port}`);
});
afterAll(async () => {
  session.destroy();
  await hosted.sandbox.destroy();
});

const authority = (port = 8000): string => `${port}-${hosted.id}.sbx.test`;

function open(path: string, headers: Record<string, string | string[]> = {}, body?: Buffer): ClientHttp2Stream {
  const all = { ':authority': authority(), ':path': path, ...headers };
  const stream = session.request(all, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return stream;
}

async function headOf(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders & { ':status'?: number }> {
  const [head] = await once(stream, 'response');
  return head;
}

async function told(stream: ClientHttp2Stream): Promise<Told> {
  return JSON.parse(String(await buffer(stream)));
}

describe('a request by HTTP/2', () => {
  it('reaches a server that speaks HTTP/1.1, with its body byte for byte', async () => {
    const body = randomBytes(3 * 2 ** 20);
    const sha256 = createHash('sha256').update(body).digest('hex');
    for (const length of [{}, { 'content-length': String(body.length) }]) {
      const asked = await told(open('/echo?a', { ':method': 'POST', ...length }, body));
      expect(asked).toMatchObject({ method: 'POST', path: '/echo?a', length: body.length, sha256 });
    }
    expect(await told(open('/echo'))).toMatchObject({ method: 'GET', length: 0 });
  });

  it('has its headers put into the words of HTTP/1.1, and those of the answer into its own', async () => {
    const asked = await told(open('/echo', { cookie: ['a=1', 'b=2'], 'x-a': 'b', te: 'trailers' }));
    const seen = Object.fromEntries(asked.headers.map(([name, value]) => [name.toLowerCase(), value]));
    expect(seen).toMatchObject({ host: authority(), cookie: 'a=1; b=2', 'x-a': 'b', 'x-forwarded-host': authority() });
    expect(Object.keys(seen).filter((name) => name.startsWith(':') || name === 'te')).toEqual([]);
    const stream = open('/many');
    const head = await headOf(stream);
    expect([head[':status'], head['set-cookie'], head['x-hop']]).toEqual([201, ['a=1; Path=/', 'b=2'], undefined]);
    expect(String(await buffer(stream))).toBe('made');
  });

  it('streams what comes, and ends inside when its client resets it', async () => {
    const events = open('/events?first');
    expect((await headOf(events))['content-type']).toBe('text/event-stream');
    expect(String((await once(events, 'data'))[0])).toBe('data: 1\n\n');
    events.close();
    expect(String(await buffer(open('/gone')))).toBe('gone');
  });

  it('is refused in the same words, and one that was broken off is reset', async () => {
    const refused = open('/', { ':authority': authority(8009) });
    expect((await headOf(refused))[':status']).toBe(502);
    expect(await told(refused)).toMatchObject({ message: 'The sandbox is running but port is not open', port: 8009 });
    const part = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi');
    const broken = open(
      '/close',
      { ':authority': authority(8001), ':method': 'POST', 'content-length': String(part.length) },
      part,
    );
    await expect(buffer(broken)).rejects.toMatchObject({ code: 'ERR_HTTP2_STREAM_ERROR' });
  });

  it('is routed by headers as by its name', async () => {
    const headers = Object.entries(routing(hosted, 8000)).map(([name, value]) => [name.toLowerCase(), String(value)]);
    expect(await told(open('/echo', { ':authority': 'localhost', ...Object.fromEntries(headers) }))).toMatchObject({
      path: '/echo',
    });
  });
});
