import { expect, it, vi } from 'vitest';
import { asker } from '../e2b/control.ts';
import { noNetwork, useBoxlite } from './use-boxlite.ts';

vi.setConfig({ testTimeout: 90_000 });

const used = useBoxlite();
const { ask, create, server } = used;

it('only /v1/config is told to whoever asks', async () => {
  const open = await fetch(`${server().url}/v1/config`);
  expect(open.status).toBe(200);
  expect(await open.json()).toMatchObject({
    capabilities: { snapshots_enabled: false, linux_capabilities_enabled: false },
  });
  // Mutation: without the check of the route's config each of these answers.
  for (const path of ['/me', '/boxes', '/boxes/x', '/a/b/boxes', '/nothing', '/acme/config']) {
    const refused = await fetch(`${server().url}/v1${path}`);
    expect([path, refused.status]).toEqual([path, 401]);
    expect(await refused.json()).toEqual({
      error: { code: 'unauthenticated', type: 'AuthError', message: expect.stringMatching(/API key is needed/) },
    });
  }
  const wrong = await fetch(`${server().url}/v1/me`, { headers: { authorization: 'Bearer e2b_no' } });
  expect(wrong.status).toBe(401);
});

it('/me tells the name of the key', async () => {
  expect((await ask('GET', '/me')).body).toMatchObject({
    sub: 'tests',
    path_prefix: null,
    principal_type: 'service_account',
  });
});

it('a box is made, found by id and name, below any prefix, and removed', async () => {
  const body = {
    name: 'Dev.box-1',
    image: 'base:latest',
    ...noNetwork,
    cpus: 2,
    memory_mib: 256,
    labels: { team: 'a' },
  };
  const made = await ask('POST', '/boxes', body);
  expect(made.status).toBe(201);
  const { box_id: id } = made.body;
  expect(made.headers['location']).toBe(`/v1/boxes/${id}`);
  expect(made.body).toEqual({
    box_id: expect.stringMatching(/^[a-z0-9]+$/),
    name: 'Dev.box-1',
    status: 'running',
    created_at: expect.stringMatching(/^\d{4}-.*Z$/),
    updated_at: expect.stringMatching(/^\d{4}-.*Z$/),
    image: 'base:latest',
    cpus: 2,
    memory_mib: 256,
    labels: { team: 'a' },
    auto_stop: 900,
    auto_delete: 0,
    auto_resume: true,
  });
  for (const path of [`/boxes/${id}`, '/boxes/Dev.box-1', `/acme/boxes/${id}`, '/a/b%20c/boxes/Dev.box-1']) {
    const found = await ask('GET', path);
    expect([path, found.body.box_id]).toEqual([path, id]);
    expect((await ask('HEAD', path)).status).toBe(204);
  }
  const running = await ask('DELETE', `/boxes/${id}`);
  expect([running.status, running.body.error.code]).toEqual([409, 'invalid_state']);
  expect((await ask('DELETE', `/boxes/${id}?force=yes`)).body.error.code).toBe('invalid_argument');
  expect((await ask('DELETE', `/boxes/${id}?force=true`)).status).toBe(204);
  const gone = await ask('GET', `/boxes/${id}`);
  expect([gone.status, gone.body.error]).toEqual([
    404,
    { code: 'not_found', type: 'NotFoundError', message: expect.any(String) },
  ]);
  expect((await ask('HEAD', `/boxes/${id}`)).status).toBe(404);
});

it('a name is one box’s, also while it is being made, and free again afterwards', async () => {
  // Mutation: without the reservation both are made.
  const both = await Promise.all([1, 2].map(() => ask('POST', '/boxes', { name: 'twin', ...noNetwork })));
  expect(both.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([201, 409]);
  expect(both.find(({ status }) => status === 409)?.body.error.code).toBe('already_exists');
  const id = both.find(({ status }) => status === 201)?.body.box_id;
  // An id is no other box's name: it would be found in its place.
  expect((await ask('POST', '/boxes', { name: id, ...noNetwork })).body.error.code).toBe('already_exists');
  await ask('DELETE', '/boxes/twin?force=true');
  await create({ name: 'twin' });
  await ask('DELETE', '/boxes/twin?force=true');
});

it('a list has a page or all, of a status', async () => {
  const ids = [await create(), await create(), await create()];
  const idsOf = async (query: string): Promise<{ ids: string[]; next: string | undefined }> => {
    const { body } = await ask('GET', `/boxes${query}`);
    const boxes = body['boxes'] as { box_id: string }[];
    return { ids: boxes.map(({ box_id }) => box_id), next: body['next_page_token'] as string | undefined };
  };
  expect(await idsOf('')).toEqual({ ids, next: undefined });
  const first = await idsOf('?pageSize=2');
  expect(first.ids).toEqual(ids.slice(0, 2));
  expect(await idsOf(`?pageSize=2&pageToken=${first.next}`)).toEqual({ ids: ids.slice(2), next: undefined });
  await ask('POST', `/boxes/${ids[1]}/stop`);
  expect((await idsOf('?status=stopped')).ids).toEqual([ids[1]]);
  expect((await idsOf('?status=running')).ids).toEqual([ids[0], ids[2]]);
  for (const query of ['?status=asleep', '?pageSize=0', '?pageToken=x'])
    expect((await ask('GET', `/boxes${query}`)).body.error.code).toBe('invalid_argument');
  for (const id of ids) await ask('DELETE', `/boxes/${id}?force=true`);
});

it('a stopped box is started again, any number of times', async () => {
  const id = await create();
  for (const [path, status] of [
    ['stop', 'stopped'],
    ['stop', 'stopped'],
    ['start', 'running'],
    ['start', 'running'],
  ] as const) {
    const answer = await ask('POST', `/boxes/${id}/${path}`);
    expect([answer.status, answer.body.box_id, answer.body.status]).toEqual([200, id, status]);
  }
  await ask('POST', `/boxes/${id}/stop`, { timeout_seconds: 5 });
  expect((await ask('DELETE', `/boxes/${id}`)).status).toBe(204);
});

it.each([
  [
    { image: 'python:slim' },
    422,
    'image_pull_failed',
    /image "python:slim" is not registered here.*hatchery image register/,
  ],
  [{ image: 'base:12' }, 422, 'image_pull_failed', /"base:12"/],
  [{ colour: 'blue' }, 400, 'invalid_argument', /"colour"/],
  [{ auto_remove: true }, 400, 'invalid_argument', /"auto_remove"/],
  [{ cpus: 0 }, 400, 'invalid_argument', /cpus/],
  [{ cpus: 33 }, 400, 'invalid_argument', /cpus/],
  [{ memory_mib: 64 }, 400, 'invalid_argument', /memory_mib/],
  [{ name: '-x' }, 400, 'invalid_argument', /name/],
  [{ name: 'b new/1' }, 400, 'invalid_argument', /name/],
  [{ env: { 'A=B': 'x' } }, 400, 'invalid_argument', /env: "A"/],
  [{ working_dir: 'here' }, 400, 'invalid_argument', /cwd/],
  [{ network: { mode: 'enabled', outbound: { mode: 'enabled' } } }, 400, 'invalid_argument', /old form/],
  [{ network: { outbound: { mode: 'disabled', allow_net: ['1.2.3.4'] } } }, 400, 'invalid_argument', /allow_net/],
  [
    { network: { outbound: { mode: 'enabled', allow_net: ['example.com'] } } },
    501,
    'unsupported',
    /by name \("example.com"\)/,
  ],
  [{ network: { inbound: { mode: 'enabled', allow_net: ['1.2.3.4'] } } }, 501, 'unsupported', /inbound.allow_net/],
  [{ advanced: { capabilities: { add: ['NET_ADMIN'] } } }, 501, 'unsupported', /capabilities/],
  [{ entrypoint: ['sh'] }, 501, 'unsupported', /entrypoint/],
  [{ cmd: ['sh'] }, 501, 'unsupported', /cmd/],
  [{ tty: true }, 501, 'unsupported', /tty/],
  [{ image: undefined, rootfs_path: '/' }, 501, 'unsupported', /rootfs_path/],
])('refuses %j', async (body, status, code, message) => {
  const refused = await ask('POST', '/boxes', { image: 'base', ...noNetwork, ...body });
  expect([refused.status, refused.body.error.code]).toEqual([status, code]);
  expect(refused.body.error.message).toMatch(message);
});

it('inv-58: a secret is refused by name, and told nowhere', async () => {
  const secrets = [{ name: 'openai', value: 'sk-SECRETVALUE', placeholder: '<X>', hosts: [] }];
  const refused = await ask('POST', '/boxes', { ...noNetwork, secrets });
  expect([refused.status, refused.body.error.code]).toEqual([501, 'unsupported']);
  // One that has another mistake is not repeated either.
  const wrong = await ask('POST', '/boxes', { ...noNetwork, secrets: ['sk-SECRETVALUE'], env: { A: 5 } });
  expect(JSON.stringify([refused.body, wrong.body])).not.toContain('SECRETVALUE');
  expect(server().log.join('\n')).not.toContain('SECRETVALUE');
});

it.each([
  ['POST', '/boxes/x/snapshots'],
  ['GET', '/boxes/x/snapshots'],
  ['GET', '/boxes/x/snapshots/a%2Fb'],
  ['DELETE', '/boxes/x/snapshots/a'],
  ['POST', '/boxes/x/snapshots/a/restore'],
  ['POST', '/boxes/x/clone'],
  ['POST', '/boxes/x/export'],
  ['POST', '/acme/boxes/import?name=y'],
  ['GET', '/images'],
  ['POST', '/api-keys'],
])('%s %s is unsupported, and says so', async (method, path) => {
  const refused = await ask(method, path, method === 'POST' ? {} : undefined);
  expect([refused.status, refused.body.error.code, refused.body.error.type]).toEqual([
    501,
    'unsupported',
    'UnsupportedError',
  ]);
  expect(refused.body.error.message).toMatch(/not supported by hatchery/);
});

it('what is no path, or none that can be decoded, is told in the envelope', async () => {
  const missing = await ask('GET', '/boxes/x/y');
  expect([missing.status, missing.body.error.code]).toEqual([404, 'not_found']);
  const undecodable = await ask('GET', '/boxes/%ff');
  expect([undecodable.status, undecodable.body.error.code]).toEqual([400, 'invalid_argument']);
});

it('boxes and the sandboxes of E2B’s clients do not see each other', async () => {
  const e2b = asker(server().url, used.key());
  const id = await create({ name: 'mine' });
  // Mutation: with one key for the details of both, each finds the other's.
  expect((await e2b('GET', `/sandboxes/${id}`)).status).toBe(404);
  expect((await e2b('DELETE', `/sandboxes/${id}`)).status).toBe(404);
  const forged = await e2b('POST', '/v2/sandboxes', { templateID: 'base', metadata: { 'hatchery.boxlite': '{}' } });
  expect([forged.status, forged.body.message]).toEqual([400, expect.stringMatching(/"hatchery.boxlite" is taken/)]);
  await ask('DELETE', `/boxes/${id}?force=true`);
});

it('a box that nobody uses is stopped, and removed when it has been stopped for long enough', async () => {
  const id = await create({ auto_stop: 1, auto_delete: 1 });
  // Mutation: without a look after the stop it stays.
  await vi.waitUntil(async () => (await ask('GET', `/boxes/${id}`)).status === 404, { timeout: 60_000, interval: 200 });
  expect(server().log.join('\n')).toContain('a box is stopped for want of use');
});
