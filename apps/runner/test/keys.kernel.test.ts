import { request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hatchery } from './hatchery.ts';
import { useServer } from './server.ts';

const server = useServer();

async function keys(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await hatchery([
    'keys',
    ...args,
    '--data-directory',
    join(server().runDirectory, 'data'),
  ]);
  expect([code, stderr]).toEqual([0, '']);
  return stdout.toString();
}

interface Answer {
  status: number | undefined;
  body: string;
}

/** fetch() would not send all of these. */
function ask(path: string, headers: string[] | Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  const { hostname, port } = new URL(server().url);
  const given = Array.isArray(headers) ? ['host', 'localhost', ...headers] : headers;
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path, method, headers: given as never, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode, body }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

describe('a key', () => {
  it('is printed once, opens the API of a running server at once, and no more once it is revoked', async () => {
    const key = (await keys('create', 'one')).trim();
    expect(key).toMatch(/^e2b_[0-9a-f]{40}$/);
    // Without a route there: 404 is what only somebody with a key is told.
    expect((await ask('/nothing', { 'x-api-key': key })).status).toBe(404);
    expect((await ask('/nothing', { authorization: `Bearer ${key}` })).status).toBe(404);
    expect(await keys('list')).toMatch(/^NAME [^]*\none +e2b_[0-9a-f]{4}… /);
    expect(await keys('list', '--json')).not.toContain(key.slice(0, 9));
    await keys('revoke', 'one');
    const { status, body } = await ask('/nothing', { 'x-api-key': key });
    expect([status, JSON.parse(body)]).toEqual([401, { code: 401, message: expect.stringContaining('revoked') }]);
  });
});

// Mutation: the hook looks at the path (`url.startsWith('/health')`) instead of at the route.
it('H05: whatever a request without a valid key looks like, it is answered with 401', async () => {
  const key = (await keys('create', 'h05')).trim();
  const wrong: [string, (string[] | Record<string, string>)?, string?][] = [
    ['/sandboxes'],
    ['/sandboxes', { 'x-api-key': '' }],
    ['/sandboxes', { 'x-api-key': key.toUpperCase() }],
    ['/sandboxes', { 'x-api-key': key.slice(0, -1) }],
    ['/sandboxes', { 'x-api-key': `${key}x` }],
    ['/sandboxes', ['x-api-key', key, 'X-Api-Key', key]],
    ['/sandboxes', ['x-api-key', 'e2b_0', 'x-api-key', key]],
    ['/sandboxes', ['authorization', `Bearer ${key}`, 'authorization', 'Bearer x']],
    ['/sandboxes', ['x-api-key', 'wrong', 'authorization', `Bearer ${key}`]],
    ['/sandboxes', { authorization: key }],
    ['/sandboxes', { authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}` }],
    ['/sandboxes', { cookie: `x-api-key=${key}` }],
    [`/sandboxes?x-api-key=${key}&api_key=${key}&apiKey=${key}&access_token=${key}`],
    ['/health/../sandboxes'],
    ['/health/..;/sandboxes'],
    ['/health;/sandboxes'],
    ['/health%2f..%2fsandboxes'],
    ['/health%2e'],
    ['/health/'],
    ['/HEALTH'],
    ['/%2fsandboxes'],
    ['/sandboxes%zz'],
    ['/.//sandboxes'],
    ['/sandboxes', {}, 'OPTIONS'],
    ['/sandboxes', {}, 'HEAD'],
    ['/sandboxes', {}, 'TRACE'],
    ['/health', {}, 'POST'],
    ['/sandboxes', ['connection', 'upgrade', 'upgrade', 'websocket']],
    ['/sandboxes', ['connection', 'upgrade', 'upgrade', 'h2c']],
    ['/sandboxes', { 'x-http-method-override': 'GET', 'x-original-url': '/health', 'x-rewrite-url': '/health' }],
    ['/sandboxes', { 'x-forwarded-for': '127.0.0.1', 'x-api-key': 'null' }],
    ['/metrics'],
    ['/openapi.json'],
    ['/'],
  ];
  for (const [path, headers, method] of wrong) {
    const { status } = await ask(path, headers, method);
    expect([path, headers, method, status]).toEqual([path, headers, method, 401]);
  }
  expect((await ask('/health')).status).toBe(204);
});
