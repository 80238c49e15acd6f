import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostedSandbox } from '../../src/e2b/hosted/hosted-sandbox.ts';
import { type Asked, routing, startRaw, useProxied } from './proxied.ts';

const used = useProxied();
let hosted: HostedSandbox;
beforeAll(async () => {
  hosted = await used.make();
  await startRaw(hosted.sandbox, 8000);
});
afterAll(async () => {
  await hosted.sandbox.destroy();
});

/** Asks for an answer of these bytes, after which the server closes or resets the connection. */
const answering = (bytes: string, how: 'close' | 'reset' = 'close'): Asked => {
  const body = Buffer.from(bytes, 'latin1');
  return {
    method: 'POST',
    path: `/${how}`,
    headers: { ...routing(hosted, 8000), 'Content-Length': body.length },
    body,
  };
};

const ok = 'HTTP/1.1 200 OK\r\n';

describe('an answer of a server inside', () => {
  it('that is valid is passed on', async () => {
    const { status, body } = await used.ask(answering(`${ok}Content-Length: 2\r\n\r\nhi`));
    expect([status, String(body)]).toEqual([200, 'hi']);
    const untilEnd = await used.ask(answering(`HTTP/1.0 200 OK\r\n\r\nhi`));
    expect([untilEnd.status, String(untilEnd.body)]).toEqual([200, 'hi']);
  });

  it.each([
    ['nothing', ''],
    ['no HTTP', 'hello\r\n\r\n'],
    ['HTTP/0.9', '<html>hi</html>'],
    ['half a head', `${ok}Content-Length: 2\r\n`],
    ['a length and chunks', `${ok}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`],
    ['two lengths', `${ok}Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!`],
    ['a length that is none', `${ok}Content-Length: +2\r\n\r\nhi`],
    ['a length beyond 64 bits', `${ok}Content-Length: 18446744073709551618\r\n\r\nhi`],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n'],
    ['a status below 100', 'HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n'],
    ['a folded header', `${ok}X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n`],
    ['a space before a colon', `${ok}Content-Length : 2\r\n\r\nhi`],
    ['a bare CR', `${ok}X-A: b\rSet-Cookie: c\r\nContent-Length: 0\r\n\r\n`],
    ['a NUL', `${ok}X-A: b\0c\r\nContent-Length: 0\r\n\r\n`],
    ['a control character', `${ok}X-A: b\x01c\r\nContent-Length: 0\r\n\r\n`],
    ['32 KB of headers', `${ok}${`X-A: ${'b'.repeat(1000)}\r\n`.repeat(32)}Content-Length: 0\r\n\r\n`],
    ['too many headers', `${ok}${'X:\r\n'.repeat(300)}Content-Length: 0\r\n\r\n`],
    [
      'a change of protocol that nobody asked for',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
    ],
  ])('with %s is 502', async (_, bytes) => {
    const { status, json } = await used.ask(answering(bytes));
    expect([status, json]).toEqual([502, expect.objectContaining({ sandboxId: hosted.id, port: 8000, code: 502 })]);
  });

  it('has no length of a body that cannot be', async () => {
    const { status, headers } = await used.ask(answering('HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\n'));
    expect([status, headers['content-length']]).toEqual([204, undefined]);
  });

  // Behind the prefix the origin is that of the control API and of every other sandbox.
  it('says nothing about the whole origin in the path form', async () => {
    const origins = [
      'Service-Worker-Allowed: /',
      'Clear-Site-Data: "*"',
      'Alt-Svc: h2=":1"',
      'Strict-Transport-Security: max-age=9',
    ];
    const asked = answering(`${ok}${origins.join('\r\n')}\r\nX-Own: a\r\nContent-Length: 0\r\n\r\n`);
    const names = origins.map((line) => line.split(':')[0]?.toLowerCase() ?? '');
    const own = await used.ask(asked);
    expect(Object.keys(own.headers)).toEqual(expect.arrayContaining(names));
    const headers = { 'Content-Length': (asked.body as Buffer).length };
    const shared = await used.ask({ ...asked, path: `/sandbox/${hosted.id}/port/8000${asked.path}`, headers });
    expect(shared.headers['x-own']).toBe('a');
    expect(Object.keys(shared.headers).filter((name) => names.includes(name))).toEqual([]);
  });

  it('that is reset before its head is 502', async () => {
    for (const bytes of ['', ok]) expect((await used.ask(answering(bytes, 'reset'))).status).toBe(502);
  });

  // Mutation: message.pipe(answer) in place of the pipeline.
  it.each([
    ['ends before its length', `${ok}Content-Length: 10\r\n\r\nhi`, 'close'],
    ['ends before its last chunk', `${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n`, 'close'],
    ['is reset', `${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n`, 'reset'],
    ['has a chunk of no size', `${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nx\r\n\r\n`, 'close'],
    [
      'has a chunk that overflows',
      `${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nfffffffffffffffff\r\n\r\n`,
      'close',
    ],
  ] as const)('that %s is never taken for a whole one', async (_, bytes, how) => {
    const told = await used.ask(answering(bytes, how)).then(
      ({ status }) => status,
      ({ code }) => code,
    );
    // Whoever is quick enough to see the reset first is told 502.
    expect(['ECONNRESET', 502]).toContain(told);
  });

  it('cannot put a second answer behind the first', async () => {
    const two = `${ok}Content-Length: 2\r\n\r\nhi${ok}Content-Length: 4\r\n\r\nevil`;
    const path = `/close?${Buffer.from(two).toString('base64url')}`;
    for (let round = 0; round < 3; round++)
      expect(String((await used.ask({ path, headers: routing(hosted, 8000) })).body)).toBe('hi');
    const client = connect(used.port, '127.0.0.1');
    client.write(`GET ${path} HTTP/1.1\r\nHost: 8000-${hosted.id}.sbx.test\r\nConnection: close\r\n\r\n`);
    const all = String(await buffer(client));
    expect([all.includes('\r\nhi\r\n') || all.endsWith('hi'), all.includes('evil')]).toEqual([true, false]);
  });
});
