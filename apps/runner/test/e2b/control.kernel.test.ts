import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { idsOf, type Told, useControl } from './control.ts';

const { server, ask, key } = useControl();
const base = { templateID: 'base' };

async function create(body: object = {}, path = '/v2/sandboxes'): Promise<string> {
  const { status, body: made } = await ask('POST', path, { ...base, ...body });
  expect([status, made]).toMatchObject([201, { sandboxID: expect.any(String) }]);
  return made.sandboxID;
}

const secondsLeft = async (id: string): Promise<number> => {
  const { body } = await ask('GET', `/sandboxes/${id}`);
  return (Date.parse(body.endAt) - Date.now()) / 1000;
};

/** Whole seconds: between a start and its deadline there may be a moment. */
const lifetime = ({ startedAt, endAt }: Told): number => Math.floor((Date.parse(endAt) - Date.parse(startedAt)) / 1000);

const notFound = (id: string): object => ({
  status: 404,
  body: { code: 404, message: `Sandbox "${id}" doesn't exist or you don't have access to it` },
});

/** What the runtime itself says of it. */
const inside = async (id: string, ...command: string[]): Promise<string> =>
  (await server().run(['exec', id, ...command])).stdout.toString().trim();

describe('a sandbox of the control API', () => {
  it('is made by either version with its own defaults, and told whole', async () => {
    const { status, body: made } = await ask('POST', '/v2/sandboxes', {
      ...base,
      metadata: { team: 'a' },
      envVars: { A: '1' },
    });
    expect(status).toBe(201);
    expect(made).toEqual({
      templateID: 'base',
      alias: 'base',
      sandboxID: expect.stringMatching(/^i[a-z0-9]{20}$/),
      clientID: 'hatchery',
      envdVersion: '0.6.13',
      envdAccessToken: expect.stringMatching(/^[0-9a-f]{64}$/),
      domain: `localhost:${new URL(server().url).port}`,
    });
    const { body: told } = await ask('GET', `/sandboxes/${made.sandboxID}`);
    expect(told).toMatchObject({
      ...made,
      state: 'running',
      cpuCount: 2,
      memoryMB: 1024,
      diskSizeMB: 4096,
      metadata: { team: 'a' },
      allowInternetAccess: null,
      lifecycle: { autoResume: false, onTimeout: 'kill' },
      volumeMounts: [],
    });
    expect(lifetime(told)).toBe(300);
    expect(await ask('GET', `/sandboxes/${made.sandboxID}-hatchery`)).toMatchObject({ status: 200, body: told });
    const first = await create({}, '/sandboxes');
    const { body: older } = await ask('GET', `/sandboxes/${first}`);
    expect(lifetime(older)).toBe(15);
    expect(older.envdAccessToken).toBeUndefined();
    for (const id of [first, made.sandboxID])
      expect(await ask('DELETE', `/sandboxes/${id}`)).toMatchObject({ status: 204 });
  });

  it('runs its programs as the template’s user, with the given environment, and sudo may gain rights', async () => {
    const id = await create({ envVars: { GREETING: 'hello world' } });
    expect(await inside(id, 'sh', '-c', 'echo "$GREETING $USER $HOME"; grep NoNewPrivs /proc/self/status')).toBe(
      'hello world user /home/user\nNoNewPrivs:\t0',
    );
    await ask('DELETE', `/sandboxes/${id}`);
  });

  // Mutation: the request's url and body put into requestLog().
  it('inv-58: leaves no token, variable, metadata or key in the log, at the finest level', async () => {
    const secret = 'tops3cret-value';
    const body = { ...base, secure: true, network: { allowPublicTraffic: false } };
    const values = { envVars: { A: secret }, metadata: { a: secret } };
    const { body: made } = await ask('POST', '/sandboxes', { ...body, ...values });
    await ask('GET', `/sandboxes/${made.sandboxID}`);
    await ask('GET', `/v2/sandboxes?metadata=a%3D${secret}`);
    await ask('POST', '/v2/sandboxes', `{"${secret}`);
    await ask('POST', '/v2/sandboxes', { ...base, envVars: { A: [secret] } });
    await ask('POST', '/v2/sandboxes', { ...base, envVars: { A: `${secret}\u0000` } });
    await ask('DELETE', `/sandboxes/${made.sandboxID}`);
    const { envdAccessToken = '', trafficAccessToken } = made;
    const secrets = [secret, envdAccessToken, String(trafficAccessToken), key()];
    expect(secrets.map(({ length }) => length > 14)).toEqual([true, true, true, true]);
    expect(server().log.length).toBeGreaterThan(5);
    for (const one of secrets) expect(server().log.filter((line) => line.includes(one.slice(0, 13)))).toEqual([]);
  });

  it('that is not there is 404 in the words and the code that clients look for', async () => {
    for (const [method, path, body] of [
      ['GET', '', undefined],
      ['DELETE', '', undefined],
      ['POST', '/timeout', { timeout: 5 }],
      ['POST', '/refreshes', {}],
      ['POST', '/connect', { timeout: 5 }],
      ['POST', '/resume', {}],
      ['POST', '/pause', {}],
    ] as const)
      expect([path, await ask(method, `/sandboxes/inone${path}`, body)]).toMatchObject([path, notFound('inone')]);
    expect(await ask('POST', '/v2/sandboxes/inone/connect')).toMatchObject(notFound('inone'));
    expect(await ask('POST', '/v2/sandboxes', { templateID: 'nothing' })).toMatchObject({
      status: 404,
      body: { code: 404, message: "template 'nothing' not found" },
    });
  });

  // Mutation: no signal given to the create: they are made for nobody.
  it('inv-41: is not made for a client that has gone', async () => {
    const body = JSON.stringify({ ...base, metadata: { for: 'nobody' } });
    const head = `POST /v2/sandboxes HTTP/1.1\r\nHost: x\r\nX-API-KEY: ${key()}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    for (let client = 0; client < 10; client++) {
      const socket = connect(Number(new URL(server().url).port), '127.0.0.1');
      socket.on('error', () => {});
      socket.write(head + body);
      await once(socket, 'connect');
      socket.end();
      await once(socket, 'close');
    }
    // Behind them in the queue: when these are there, those would be.
    const ids = await Promise.all(Array.from({ length: 12 }, () => create()));
    await vi.waitFor(async () => expect((await idsOf(ask, '/v2/sandboxes')).toSorted()).toEqual(ids.toSorted()), {
      timeout: 10_000,
    });
    await Promise.all(ids.map((id) => ask('DELETE', `/sandboxes/${id}`)));
    expect(await server().client.call('GET', '/v1/census')).toMatchObject({ leaks: [] });
  });

  it('is made, listed and killed beside many others, each with an id of its own', async () => {
    const ids = await Promise.all(Array.from({ length: 12 }, () => create()));
    expect(new Set(ids).size).toBe(12);
    expect((await idsOf(ask, '/v2/sandboxes')).toSorted()).toEqual(ids.toSorted());
    const killed = await Promise.all(ids.map((id) => ask('DELETE', `/sandboxes/${id}`)));
    expect(new Set(killed.map(({ status }) => status))).toEqual(new Set([204]));
    expect(await idsOf(ask, '/v2/sandboxes')).toEqual([]);
  });

  it('is gone with everything of it when its delete answers, also when it was paused', async () => {
    for (const pause of [null, {}, { memory: false }]) {
      const id = await create();
      if (pause !== null) await ask('POST', `/sandboxes/${id}/pause`, pause);
      const both = await Promise.all([ask('DELETE', `/sandboxes/${id}`), ask('DELETE', `/sandboxes/${id}`)]);
      // Whoever comes when it has gone is told so.
      expect([204, 404]).toContain(both[1]?.status);
      expect(both[0]).toMatchObject({ status: 204 });
      expect(await ask('DELETE', `/sandboxes/${id}`)).toMatchObject(notFound(id));
      expect(await ask('GET', `/sandboxes/${id}`)).toMatchObject(notFound(id));
    }
    expect(await server().client.call('GET', '/v1/census')).toMatchObject({ leaks: [] });
  });
});

describe('the time of a sandbox', () => {
  it('is set from now, longer or shorter; a refresh and a connect only extend it', async () => {
    const id = await create({ timeout: 60 });
    expect(await ask('POST', `/sandboxes/${id}/timeout`, { timeout: 1000 })).toMatchObject({ status: 204 });
    expect(await secondsLeft(id)).toBeGreaterThan(900);
    await ask('POST', `/sandboxes/${id}/timeout`, { timeout: 100 });
    expect(await secondsLeft(id)).toBeLessThanOrEqual(100);
    await ask('POST', `/sandboxes/${id}/refreshes`, { duration: 10 });
    expect(await ask('POST', `/sandboxes/${id}/connect`, { timeout: 10 })).toMatchObject({ status: 200 });
    expect(await secondsLeft(id)).toBeGreaterThan(60);
    await ask('POST', `/sandboxes/${id}/refreshes`, { duration: 600 });
    expect(await secondsLeft(id)).toBeGreaterThan(500);
    expect(await ask('POST', `/v2/sandboxes/${id}/connect`, { timeout: 2000 })).toMatchObject({ status: 200 });
    expect(await secondsLeft(id)).toBeGreaterThan(1900);
    expect(await ask('POST', `/sandboxes/${id}/timeout`, { timeout: 0 })).toMatchObject({ status: 204 });
    await vi.waitFor(async () => expect(await ask('GET', `/sandboxes/${id}`)).toMatchObject({ status: 404 }), {
      timeout: 10_000,
    });
  });

  it('ends in what was asked for: a kill, a pause, or a pause that keeps the files alone', async () => {
    const killed = await create({ timeout: 1 });
    const paused = await create({ timeout: 1, autoPause: true, autoResume: { enabled: true } });
    const stored = await create({ timeout: 1, autoPause: true, autoPauseMemory: false });
    await vi.waitFor(async () => expect(await ask('GET', `/sandboxes/${killed}`)).toMatchObject({ status: 404 }), {
      timeout: 10_000,
    });
    await vi.waitFor(
      async () => {
        for (const [id, state] of [
          [paused, 'paused'],
          [stored, 'stopped'],
        ] as const)
          expect(await server().client.call('GET', `/v1/sandboxes/${id}`)).toMatchObject({ state });
      },
      { timeout: 10_000 },
    );
    expect((await ask('GET', `/sandboxes/${paused}`)).body).toMatchObject({
      state: 'paused',
      lifecycle: { autoResume: true, onTimeout: 'pause' },
    });
    expect((await ask('GET', `/sandboxes/${stored}`)).body).toMatchObject({
      state: 'paused',
      lifecycle: { autoResume: false, onTimeout: 'pause' },
    });
    for (const id of [paused, stored]) {
      expect(await ask('POST', `/v2/sandboxes/${id}/connect`, { timeout: 500 })).toMatchObject({ status: 201 });
      expect(await secondsLeft(id)).toBeGreaterThan(400);
      await ask('DELETE', `/sandboxes/${id}`);
    }
  });
});

describe('a pause', () => {
  const bootId = (id: string): Promise<string> => inside(id, 'cat', '/proc/sys/kernel/random/boot_id');

  it('with memory goes on where it was, once a connect asks for it', async () => {
    const id = await create();
    await server().run(['exec', '-d', id, 'sh', '-c', 'echo $$ > /tmp/pid; exec sleep 1000']);
    const boot = await bootId(id);
    expect(await ask('POST', `/sandboxes/${id}/pause`, {})).toMatchObject({ status: 204 });
    expect((await ask('GET', `/sandboxes/${id}`)).body).toMatchObject({ state: 'paused' });
    expect(await ask('POST', `/sandboxes/${id}/pause`, {})).toMatchObject({ status: 409, body: { code: 409 } });
    expect(await ask('POST', `/sandboxes/${id}/timeout`, { timeout: 9 })).toMatchObject({ status: 409 });
    const connects = await Promise.all([1, 2, 3].map(() => ask('POST', `/v2/sandboxes/${id}/connect`, {})));
    // Whoever comes when it runs already is told so.
    const statuses = new Set(connects.map(({ status }) => status));
    expect([statuses.has(201), statuses.size - (statuses.has(200) ? 1 : 0)]).toEqual([true, 1]);
    expect(connects[0]?.body).toMatchObject({ sandboxID: id, envdAccessToken: expect.any(String) });
    expect(await bootId(id)).toBe(boot);
    expect(await inside(id, 'sh', '-c', 'kill -0 $(cat /tmp/pid) && echo lives')).toBe('lives');
    await ask('DELETE', `/sandboxes/${id}`);
  });

  it('without memory keeps the files, and is another boot', async () => {
    const id = await create();
    await inside(id, 'sh', '-c', 'echo kept > /home/user/file');
    const boot = await bootId(id);
    expect(await ask('POST', `/sandboxes/${id}/pause`, { memory: false })).toMatchObject({ status: 204 });
    expect((await ask('GET', `/sandboxes/${id}`)).body).toMatchObject({ state: 'paused' });
    expect(await ask('POST', `/sandboxes/${id}/resume`, { autoPause: true })).toMatchObject({ status: 501 });
    expect(await ask('POST', `/sandboxes/${id}/resume`, { timeout: 60, autoPause: false })).toMatchObject({
      status: 201,
    });
    expect(await ask('POST', `/sandboxes/${id}/resume`, { timeout: 60 })).toMatchObject({ status: 409 });
    expect(await inside(id, 'cat', '/home/user/file')).toBe('kept');
    expect(await bootId(id)).not.toBe(boot);
    await ask('DELETE', `/sandboxes/${id}`);
  });

  it('and a connect at the same moment leave it in one state or the other, and a later connect finds it', async () => {
    const id = await create();
    for (const pause of [{}, { memory: false }, {}, { memory: false }]) {
      const [paused, connected] = await Promise.all([
        ask('POST', `/sandboxes/${id}/pause`, pause),
        ask('POST', `/v2/sandboxes/${id}/connect`, {}),
      ]);
      expect([204, 409]).toContain(paused.status);
      expect([200, 201]).toContain(connected.status);
      expect([200, 201]).toContain((await ask('POST', `/v2/sandboxes/${id}/connect`, {})).status);
      expect((await ask('GET', `/sandboxes/${id}`)).body).toMatchObject({ state: 'running' });
    }
    await ask('DELETE', `/sandboxes/${id}`);
  });

  it('with memory can still be left without it', async () => {
    const id = await create();
    const boot = await bootId(id);
    await ask('POST', `/sandboxes/${id}/pause`, { memory: true });
    expect(await ask('POST', `/v2/sandboxes/${id}/connect`, { memory: false })).toMatchObject({ status: 201 });
    expect(await bootId(id)).not.toBe(boot);
    expect(await ask('POST', `/v2/sandboxes/${id}/connect`, { memory: false })).toMatchObject({ status: 200 });
    await ask('DELETE', `/sandboxes/${id}`);
  });
});
