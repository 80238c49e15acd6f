import { once } from 'node:events';
import { expect, it, onTestFinished, vi } from 'vitest';
import { dial, heardOn, speak } from './raw-http.ts';
import { Server, useRunDirectory } from './server.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

async function serving(...args: string[]): Promise<Server> {
  const server = await Server.start(useRunDirectory(), args);
  onTestFinished(async () => void (await server.stop()));
  return server;
}

/** One that would be done, were it read the other way: who gets its answer has been smuggled past the front. */
const smuggled = 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** A request with a valid key, so that nothing but its form is what is refused. */
function post(key: string, headers: string, body: string): string {
  return `POST /v2/sandboxes HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${key}\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${body}`;
}

// Mutation: `insecureHTTPParser: true` in tcp-listener.ts.
it('H01: what two readers could take for two different requests is answered with 400, and the connection ends', async () => {
  const { url, key } = await serving();
  const chunked = 'Transfer-Encoding: chunked';
  const forms: [string, string, string][] = [
    ['length and chunks', `Content-Length: 4\r\n${chunked}`, `0\r\n\r\n${smuggled}`],
    ['chunks and length', `${chunked}\r\nContent-Length: 4`, `0\r\n\r\n${smuggled}`],
    ['a coding that is none', 'Transfer-Encoding: xchunked', `0\r\n\r\n${smuggled}`],
    ['chunks that are not last', 'Transfer-Encoding: chunked, identity', `0\r\n\r\n${smuggled}`],
    ['two codings', `${chunked}\r\nTransfer-Encoding: identity`, `0\r\n\r\n${smuggled}`],
    ['a coding with a vertical tab', 'Transfer-Encoding: \x0bchunked', `0\r\n\r\n${smuggled}`],
    ['a space before the colon', 'Transfer-Encoding : chunked', `0\r\n\r\n${smuggled}`],
    ['two lengths', 'Content-Length: 0\r\nContent-Length: 44', smuggled],
    ['the same length twice', 'Content-Length: 0\r\nContent-Length: 0', smuggled],
    ['a list of lengths', 'Content-Length: 0, 0', smuggled],
    ['a length with a sign', 'Content-Length: +3', '{}\n'],
    ['a negative length', 'Content-Length: -1', smuggled],
    ['a length beyond 2^64', 'Content-Length: 18446744073709551617', smuggled],
    ['a length in hex', 'Content-Length: 0x2', '{}'],
    ['a folded header', 'X-One: 1\r\n two\r\nContent-Length: 2', '{}'],
    ['a header without a colon', 'X-One\r\nContent-Length: 2', '{}'],
    ['a header without a name', ': one\r\nContent-Length: 2', '{}'],
    ['a NUL in a header', 'X-One: a\0b\r\nContent-Length: 2', '{}'],
    ['a bare CR in a header', 'X-One: a\rX-Two: b\r\nContent-Length: 2', '{}'],
    ['a bare LF in a header', 'X-One: a\nContent-Length: 2', '{}'],
    ['a chunk beyond 2^64', chunked, `ffffffffffffffff1\r\n{}\r\n0\r\n\r\n${smuggled}`],
    ['a chunk with a sign', chunked, `+2\r\n{}\r\n0\r\n\r\n${smuggled}`],
    ['a chunk in 0x', chunked, `0x2\r\n{}\r\n0\r\n\r\n${smuggled}`],
    ['chunks that end in LF', chunked, `2\n{}\n0\n\n${smuggled}`],
    ['a chunk that is longer than it says', chunked, `1\r\n{}\r\n0\r\n\r\n${smuggled}`],
  ];
  const told = await Promise.all(
    forms.map(async ([form, headers, body]) => [form, (await speak(url, post(key, headers, body))).statuses]),
  );
  expect(told).toEqual(forms.map(([form]) => [form, [400]]));
});

// Mutation: `whyRefused` returns null.
it('H02: a request line or a host that is not as it should be is answered with 400, and the connection ends', async () => {
  const { url, key } = await serving();
  const get = (target: string, headers = 'Host: localhost'): string =>
    `GET ${target} HTTP/1.1\r\n${headers}\r\nX-API-Key: ${key}\r\n\r\n`;
  const forms: [string, string][] = [
    ['HTTP/0.9', 'GET /health\r\n\r\n'],
    ['another version', 'GET /health HTTP/3.7\r\nHost: localhost\r\n\r\n'],
    ['two hosts', get('/health', 'Host: localhost\r\nHost: other')],
    ['the same host twice', get('/health', 'Host: localhost\r\nHost: localhost')],
    ['no host', get('/health', 'X-One: 1')],
    ['an absolute target', get('http://169.254.169.254/health')],
    ['an absolute target of ours', get(`${url}/health`)],
    ['a target that begins with //', get('//169.254.169.254/health')],
    ['a NUL in the target', get('/health%00')],
    ['a byte that is no ASCII in the target', get('/health\xff')],
    ['a target that is no path', get('health')],
    ['a star', get('*')],
    ['an unknown method', 'HATCH /health HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['LF at the ends of lines', 'GET /health HTTP/1.1\nHost: localhost\n\n'],
  ];
  const told = await Promise.all(forms.map(async ([form, bytes]) => [form, (await speak(url, bytes)).statuses]));
  expect(told).toEqual(forms.map(([form]) => [form, [400]]));
  // The first of fifty at once may have its answer; no other is answered, but for one refusal.
  const { statuses } = await speak(url, get('/v2/sandboxes').repeat(50));
  expect([[200], [400], [200, 400]]).toContainEqual(statuses);
});

it('H03: what is too large is refused before it is read, and is in no memory', async () => {
  const { url, key } = await serving();
  const status = async (bytes: string): Promise<number | undefined> => (await speak(url, bytes)).statuses[0];
  expect(await status(`GET /health HTTP/1.1\r\nHost: localhost\r\nX-One: ${'x'.repeat(17_000)}\r\n\r\n`)).toBe(431);
  expect(await status(`GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`)).toBe(431);
  expect(await status(`GET /health HTTP/1.1\r\nHost: localhost\r\n${'a: b\r\n'.repeat(1500)}\r\n`)).toBe(431);
  expect(await status(`GET /health HTTP/1.1\r\nHost: localhost\r\n${'a: b\r\n'.repeat(120)}\r\n`)).toBe(400);
  expect(await status(post(key, 'Transfer-Encoding: chunked', `2;${'x'.repeat(20_000)}\r\n{}\r\n0\r\n\r\n`))).toBe(413);
  // Answered while its body is still to come.
  const socket = await dial(url, post(key, 'Content-Length: 1073741824', '{"a":"'));
  onTestFinished(() => void socket.destroy());
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 413 /);
});

// Mutation: `headersTimeout: 0` in tcp-listener.ts.
it('H04: whoever sends slowly or nothing is cut off, and others are answered meanwhile', async () => {
  const server = await serving('--max-connections', '200');
  const slow = await Promise.all(
    Array.from({ length: 150 }, (_, index) =>
      dial(server.url, ['', 'GET /health HT', 'GET /health HTTP/1.1\r\nHost: l'][index % 3]),
    ),
  );
  onTestFinished(() => slow.forEach((socket) => void socket.destroy()));
  // A byte now and then is no excuse.
  const drip = setInterval(() => slow.forEach((socket, index) => index % 3 === 2 && socket.write('x')), 500);
  onTestFinished(() => clearInterval(drip));
  const ends = Promise.all(slow.map(heardOn));
  expect((await fetch(`${server.url}/health`)).status).toBe(204);
  await ends;
  expect((await fetch(`${server.url}/health`)).status).toBe(204);
});

it('bad requests leave nothing in memory', async () => {
  // With room V8 lets garbage lie for minutes, and growth would say nothing.
  vi.stubEnv('NODE_OPTIONS', '--max-old-space-size=56 --max-semi-space-size=2');
  const server = await serving();
  vi.unstubAllEnvs();
  const bad = [
    'GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    post('e2b_0', 'Content-Length: 4\r\nTransfer-Encoding: chunked', '0\r\n\r\n'),
    `GET /v2/sandboxes HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-API-Key: ${'x'.repeat(4000)}\r\n\r\n`,
    `GET /${'x'.repeat(12_000)} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    `GET /x HTTP/1.1\r\nHost: localhost\r\nX-One: ${'x'.repeat(17_000)}\r\n\r\n`,
  ];
  const round = async (count: number): Promise<void> => {
    for (let sent = 0; sent < count; sent += 50)
      await Promise.all(Array.from({ length: 50 }, (_, index) => speak(server.url, bad[index % bad.length] ?? '')));
  };
  await round(1500);
  const before = server.residentBytes;
  await round(3000);
  expect(server.residentBytes - before).toBeLessThan(12 * 2 ** 20);
  expect(server.descriptors).toBeLessThan(100);
});
