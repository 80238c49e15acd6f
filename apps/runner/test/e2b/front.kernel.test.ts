import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sign } from '../../src/e2b/envd/files/signature.ts';
import type { HostedSandbox } from '../../src/e2b/hosted/hosted-sandbox.ts';
import { routing, startWeb, useProxied } from './proxied.ts';

const used = useProxied();
let hosted: HostedSandbox;
beforeAll(async () => {
  hosted = await used.make();
  await startWeb(hosted.sandbox, 8000);
});
afterAll(async () => {
  await hosted.sandbox.destroy();
});

/** What comes back for these bytes, up to the end of the connection, which the server makes. */
async function send(bytes: string): Promise<string> {
  const socket = connect(used.port, '127.0.0.1');
  socket.write(bytes);
  return String(await buffer(socket));
}

/** A request with these headers and what is behind them. */
function body(headers: string, content: string): string {
  return `POST /echo HTTP/1.1\r\nHost: HOST\r\n${headers}\r\n\r\n${content}`;
}

describe('one port', () => {
  it('is envd at 49983 of a sandbox, whatever its way, and the control API without one', async () => {
    const { id } = hosted;
    const asEnvd = [
      { headers: routing(hosted, 49983) },
      { headers: { Host: `49983-${id}.sbx.test` } },
      { path: `/sandbox/${id}/port/49983/health` },
    ];
    for (const asked of asEnvd)
      expect(String((await used.ask(asked)).body), JSON.stringify(asked)).toBe(`envd of ${id}`);
    for (const asked of [{}, { headers: { Host: 'api.sbx.test' } }, { path: '/files?path=a' }])
      expect(String((await used.ask(asked)).body)).toBe('control');
  });

  it('finds whose file it is by the signature of a URL that names no sandbox', async () => {
    const signed = { path: '/a', operation: 'read', username: '', expiration: null } as const;
    const signature = sign(signed, hosted.envdToken ?? '');
    const url = (path: string, given: string): string =>
      `/files?${new URLSearchParams({ path, signature: given }).toString()}`;
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
      const { status, body } = await used.ask({ method, path: url('/a', signature) });
      expect([status, String(body)]).toEqual([200, method === 'HEAD' ? '' : `envd of ${hosted.id}`]);
    }
    const unfit = [
      url('/b', signature),
      url('/a', 'v1_no'),
      `${url('/a', signature)}&signature=x`,
      '/files?signature=',
    ];
    for (const path of unfit) {
      const { status, json } = await used.ask({ path });
      expect([status, json], path).toEqual([401, { code: 401, message: 'invalid signature' }]);
    }
  });

  // Probe H06.
  it('reaches ports of that sandbox and nothing else', async () => {
    const { id } = hosted;
    for (const port of ['0', '65536', '80@127.0.0.1', '80/..', '-1', '127.0.0.1:80']) {
      const { status, json } = await used.ask({ headers: { 'E2b-Sandbox-Id': id, 'E2b-Sandbox-Port': port } });
      expect([status, json]).toEqual([400, { code: 400, message: 'Invalid sandbox port' }]);
    }
    // Its own port 22, and the one at which this very server listens outside.
    for (const port of [22, used.port]) {
      const { status, json } = await used.ask({ headers: routing(hosted, port) });
      expect([status, json.message]).toEqual([502, 'The sandbox is running but port is not open']);
    }
    for (const host of ['80@127.0.0.1', `8000-${id}.sbx.test@127.0.0.1`, '127.0.0.1#.sbx.test', '22-.sbx.test'])
      expect((await used.ask({ headers: { Host: host } })).status, host).toBe(400);
    const other = await used.ask({
      path: '/echo',
      headers: { Host: `8000-${id}.sbx.test`, ...routing({ ...hosted, id: 'iother' }, 1) },
    });
    expect(other.status).toBe(200);
  });

  // Probes H01 and H02.
  it.each([
    ['two Host headers', 'GET /echo HTTP/1.1\r\nHost: HOST\r\nHost: localhost\r\n\r\n'],
    ['no Host', 'GET /echo HTTP/1.1\r\n\r\n'],
    ['an absolute target', 'GET http://HOST/echo HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['the target of a CONNECT', 'CONNECT HOST:80 HTTP/1.1\r\nHost: HOST\r\n\r\n'],
    ['HTTP/0.9', 'GET /echo\r\n\r\n'],
    ['a path that names a host', 'GET //169.254.169.254/echo HTTP/1.1\r\nHost: HOST\r\n\r\n'],
    ['a NUL in its path', 'GET /echo%00 HTTP/1.1\r\nHost: HOST\r\n\r\n'],
    ['a length and chunks', body('Content-Length: 3\r\nTransfer-Encoding: chunked', '0\r\n\r\n')],
    ['two lengths', body('Content-Length: 1\r\nContent-Length: 2', 'ab')],
    ['a length with a sign', body('Content-Length: +2', 'ab')],
    ['a negative length', body('Content-Length: -1', 'ab')],
    ['a length beyond 64 bits', body('Content-Length: 18446744073709551616', 'ab')],
    ['chunks in disguise', body('Transfer-Encoding: xchunked', '0\r\n\r\n')],
    ['chunks that are not last', body('Transfer-Encoding: chunked, identity', '0\r\n\r\n')],
    ['a space before a colon', body('Content-Length : 2', 'ab')],
    ['a folded header', body('X: a\r\n b', '')],
    ['a bare LF', body('X: a\nContent-Length: 2', 'ab')],
    ['a bare CR', body('X: a\rContent-Length: 2', 'ab')],
    ['a NUL in a header', body('X: a\0b', '')],
    ['a chunk that overflows', body('Transfer-Encoding: chunked', 'fffffffffffffffff\r\n')],
    ['a chunk whose size ends in LF', body('Transfer-Encoding: chunked', '2\nab\r\n0\r\n\r\n')],
  ])('lets no request with %s through to a sandbox', async (_, bytes) => {
    const answer = await send(bytes.replaceAll('HOST', `8000-${hosted.id}.sbx.test`));
    // The tunnels have every CONNECT: here they say their name.
    expect(answer).toMatch(/^HTTP\/1\.1 (?:400|502) |^tunnels$|^$/);
    expect(answer).not.toContain('sha256');
  });
});
