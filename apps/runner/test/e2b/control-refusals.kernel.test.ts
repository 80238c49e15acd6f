import { expect, it } from 'vitest';
import { useControl } from './control.ts';

const { server, ask, key } = useControl();

/** What is wrong with a create, and the words of the answer. */
const wrong: readonly (readonly [body: unknown, words: RegExp])[] = [
  ['', /the body: .*templateID/],
  ['{', /JSON/],
  ['[]', /object/],
  ['"base"', /object/],
  [{ templateID: '' }, /templateID/],
  [{ templateID: 7 }, /templateID/],
  [{ timeout: 0 }, /^Timeout must be greater than 0$/],
  [{ timeout: -5 }, /^Timeout must be greater than 0$/],
  [{ timeout: 86_401 }, /^Timeout cannot be greater than 24 hours$/],
  [{ timeout: 1e300 }, /^Timeout cannot be greater than 24 hours$/],
  [{ timeout: '5' }, /timeout/],
  [{ timeout: 1.5 }, /timeout/],
  [{ gpu: true }, /"gpu"/],
  [{ metadata: { a: 1 } }, /metadata/],
  [{ metadata: { 'hatchery.e2b': '{}' } }, /metadata: the key "hatchery.e2b" is taken/],
  [{ envVars: { 'A=B': '1' } }, /env/],
  [{ envVars: { A: 'x\u0000' } }, /env/],
  ...['a\r\nX: 1', 'a b', 'http://a', 'a:port', '', '${PORT}:1:2'].map(
    (maskRequestHost) => [{ network: { maskRequestHost } }, /maskRequestHost is no host/] as const,
  ),
  [{ secure: false }, /secure=false is not part of this version/],
  [{ autoPauseMemory: false }, /requires autoPause/],
  [{ autoPause: true, autoPauseMemory: false, autoResume: { enabled: true } }, /cannot be combined with autoResume/],
  [{ autoResume: {} }, /enabled/],
  [{ network: { allowOut: ['example.com'] } }, /denyOut must block all other traffic/],
  [{ network: { allowOut: ['no/domain'], denyOut: ['0.0.0.0/0'] } }, /neither an IP address, nor a CIDR, nor a domain/],
  [{ network: { denyOut: ['example.com'] } }, /denyOut: "example.com" is neither/],
  [{ network: { denyOut: ['10.0.0.0/33'] } }, /denyOut: "10.0.0.0\/33"/],
  [{ network: { denyOut: ['10.0.0/8'] } }, /denyOut/],
  [
    { network: { rules: Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`a${n}.com`, []])) } },
    /at most 10 domains/,
  ],
  [
    {
      network: {
        rules: {
          'a.com': [
            { transform: { headers: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`h${n}`, 'x'])) } },
          ],
        },
      },
    },
    /more than 20 headers/,
  ],
  [{ network: { httpsPorts: [49_983] } }, /httpsPorts cannot hold 49983/],
  [{ network: { httpsPorts: [0] } }, /httpsPorts/],
  [{ network: { bogus: 1 } }, /"bogus"/],
  [{ iam: { tokens: Object.fromEntries(Array.from({ length: 6 }, (_, n) => [`t${n}`, {}])) } }, /at most 5 tokens/],
  [{ iam: { tokens: { a: { tokenType: 'OIDC' } } } }, /JWT-SVID/],
  [{ volumeMounts: [{ name: 'v', path: '/a/b' }] }, /"\/a\/b"/],
  [{ volumeMounts: [{ name: 'v', path: 'a' }] }, /right below/],
];

it.each(wrong)('refuses %j with 400 and its reason, and makes nothing', async (body, words) => {
  const sent = typeof body === 'object' ? { templateID: 'base', ...body } : body;
  const { status, body: told } = await ask('POST', '/v2/sandboxes', sent);
  expect([status, told]).toEqual([400, { code: 400, message: expect.stringMatching(words) }]);
  expect((await ask('GET', '/v2/sandboxes')).body).toEqual([]);
});

it('refuses an environment with which no command could start', async () => {
  const large = { A: 'x'.repeat(131_069) };
  const many = Object.fromEntries(Array.from({ length: 3 }, (_, n) => [`A${n}`, 'x'.repeat(100_000)]));
  for (const [envVars, words] of [
    [large, /^envVars: "A" is longer than 131071 bytes$/],
    [many, /^envVars: more than 262144 bytes together$/],
  ] as const)
    expect((await ask('POST', '/v2/sandboxes', { templateID: 'base', envVars })).body).toEqual({
      code: 400,
      message: expect.stringMatching(words),
    });
});

it('takes what is just within the bounds, and a command starts with it', async () => {
  const envVars = { A: 'x'.repeat(131_067), B: 'y'.repeat(131_067) };
  const network = { maskRequestHost: 'localhost:${PORT}' };
  const made = await ask('POST', '/v2/sandboxes', { templateID: 'base', envVars, network });
  expect(made.status).toBe(201);
  const { stdout } = await server().run(['exec', made.body.sandboxID, 'sh', '-c', 'echo ${#A} ${#B}']);
  expect(stdout.toString()).toBe('131067 131067\n');
  await ask('DELETE', `/sandboxes/${made.body.sandboxID}`);
});

it('asks for a secured sandbox where its ports are to be private', async () => {
  const body = { templateID: 'base', secure: false, network: { allowPublicTraffic: false } };
  expect(await ask('POST', '/sandboxes', body)).toMatchObject({ status: 400, body: { message: /secure=true/ } });
  const made = await ask('POST', '/sandboxes', { ...body, secure: true });
  expect(made).toMatchObject({ status: 201, body: { trafficAccessToken: /^[0-9a-f]{64}$/ } });
  await ask('DELETE', `/sandboxes/${made.body.sandboxID}`);
});

/** What hatchery does not have, as the client asks for it. */
const absent: readonly (readonly [method: string, path: string, body?: object])[] = [
  ['POST', '/v2/sandboxes', { templateID: 'base', network: { rules: { 'a.com': [] } } }],
  ['POST', '/v2/sandboxes', { templateID: 'base', network: { allowOut: ['a.com'], denyOut: ['0.0.0.0/0'] } }],
  ['POST', '/v2/sandboxes', { templateID: 'base', network: { allowOut: ['::1'] } }],
  ['POST', '/v2/sandboxes', { templateID: 'base', network: { egressProxy: { address: 'x:1' } } }],
  ['POST', '/v2/sandboxes', { templateID: 'base', iam: { tokens: {} } }],
  ['POST', '/v2/sandboxes', { templateID: 'base', volumeMounts: [{ name: 'v', path: '/v' }] }],
  ['POST', '/sandboxes/ix/snapshots', {}],
  ['POST', '/sandboxes/ix/fork', {}],
  ['GET', '/snapshots'],
  ['POST', '/v3/templates', { name: 'x' }],
  ['POST', '/v2/templates/t/builds/b', {}],
  ['GET', '/templates/t/builds/b/status'],
  ['GET', '/templates/t/files/0123'],
  ['DELETE', '/templates/t%2Fu%3Av'],
  ['GET', '/templates/t/tags'],
  ['POST', '/templates/tags', {}],
  ['DELETE', '/templates/tags', {}],
  ['GET', '/templates'],
  ['GET', '/volumes'],
  ['POST', '/volumes', { name: 'v' }],
  ['DELETE', '/volumes/v'],
  ['GET', '/volumecontent/v/dir'],
  ['GET', '/secrets'],
  ['POST', '/secrets', { name: 's' }],
  ['DELETE', '/secrets/s'],
  ['GET', '/teams'],
  ['GET', '/nodes'],
  ['GET', '/api-keys'],
];

const cases = absent.map(([method, path, body]) => ({ method, path, body }));

it.each(cases)('$method $path $body is 501 and named, never an invented success', async ({ method, path, body }) => {
  const { status, body: told } = await ask(method, path, body);
  expect([status, told]).toEqual([
    501,
    { code: 501, message: expect.stringMatching(/\S+ is not supported by hatchery: \S/) },
  ]);
  // It is an answer, and no trouble of the server's.
  expect(server().log.filter((line) => line.includes('"level":50'))).toEqual([]);
});

it('a refusal is the same whatever the type of the body that comes with it', async () => {
  for (const type of ['application/octet-stream', 'multipart/form-data; boundary=x', 'application/json', 'nonsense']) {
    const headers = { 'x-api-key': key(), 'content-type': type };
    const url = `${server().url}/volumecontent/v/file?path=/a`;
    const answer = await fetch(url, { method: 'PUT', headers, body: '{' });
    expect([type, answer.status, await answer.json()]).toMatchObject([type, 501, { code: 501 }]);
  }
});

it('a path that is none of the API is 404, and not in the words of a missing sandbox', async () => {
  const { status, body } = await ask('GET', '/v2/sandboxes/ix/nothing');
  expect([status, body]).toMatchObject([404, { code: 404, message: expect.not.stringContaining('Sandbox') }]);
});

it('without a key nothing is told of a sandbox, nor whether there is one', async () => {
  const answers = await Promise.all(
    ['/v2/sandboxes', '/sandboxes/ix', '/templates/aliases/base', '/snapshots'].map((path) =>
      fetch(`${server().url}${path}`),
    ),
  );
  expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
});
