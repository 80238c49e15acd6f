import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { speak } from './raw-http.ts';
import { Server, useRunDirectory } from './server.ts';

vi.setConfig({ testTimeout: 120_000 });

/** Of every process: another user may read them. */
function argumentsOfAll(): string {
  const texts = readdirSync('/proc').map((name) => {
    try {
      return /^\d+$/.test(name) ? readFileSync(`/proc/${name}/cmdline`, 'latin1') : '';
    } catch {
      return ''; // it has ended
    }
  });
  return texts.join('\n');
}

/** What a client of E2B sends to envd or to a port of its sandbox. */
function route(sandboxId: string, port: number, token?: string): Record<string, string> {
  const routing = { 'e2b-sandbox-id': sandboxId, 'e2b-sandbox-port': String(port) };
  return token === undefined ? routing : { ...routing, 'x-access-token': token };
}

/** One message of a stream of Connect. */
function framed(message: object): Buffer<ArrayBuffer> {
  const json = Buffer.from(JSON.stringify(message));
  const frame = Buffer.alloc(5 + json.length);
  frame.writeUInt32BE(json.length, 1);
  json.copy(frame, 5);
  return frame;
}

// Mutation: requestLog() logs the request's url.
it('inv-58: what is secret is in no log line, argument, metric or refusal', async () => {
  const server = await Server.start(useRunDirectory(), ['--on-exit', 'destroy']);
  onTestFinished(async () => void (await server.stop()));
  const { url, key } = server;
  const planted: string[] = [];
  const secret = (): string => {
    const text = randomBytes(16).toString('hex');
    planted.push(text);
    return text;
  };
  const refusals: string[] = [];
  const ask = async (path: string, init: RequestInit = {}, headers: Record<string, string> = {}): Promise<string> => {
    const given = { 'x-api-key': key, 'x-one': secret(), cookie: `one=${secret()}`, ...headers };
    const response = await fetch(`${url}${path}`, { ...init, headers: given });
    const text = await response.text();
    if (response.status >= 400) refusals.push(text);
    return text;
  };
  const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<string> =>
    ask(
      path,
      { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) },
      {
        'content-type': 'application/json',
        ...headers,
      },
    );

  // Bodies that are taken, and some that are not.
  const made = JSON.parse(
    await post('/v2/sandboxes', {
      templateID: 'base',
      envVars: { ONE: secret() },
      metadata: { one: secret() },
      network: { allowPublicTraffic: false },
    }),
  ) as { sandboxID: string; envdAccessToken: string; trafficAccessToken: string };
  expect(made.trafficAccessToken).toBeTypeOf('string');
  const id = made.sandboxID;
  planted.push(key, made.envdAccessToken, made.trafficAccessToken);
  await post('/v2/sandboxes', { templateID: 'base', envVars: { ONE: [secret()] } });
  await post('/v2/sandboxes', { templateID: 'base', envVars: { [`A=${secret()}`]: secret() } });
  for (const [before, after] of [
    ['{"envVars":{"ONE":"', ''],
    ['', ''],
    ['{"a":"b"', '}'],
    ['{"a":', '}'],
  ] as const)
    await post('/v2/sandboxes', before + secret() + after);
  await post('/v2/sandboxes', `{"envVars":{"ONE":"${secret()}"}}`, { 'content-type': `text/${secret()}` });
  // Keys and tokens that are none, wherever they are looked for.
  for (const headers of [{ 'x-api-key': `e2b_${secret()}` }, { 'x-api-key': '', authorization: `Bearer ${secret()}` }])
    await ask(`/v2/sandboxes?api_key=${secret()}`, {}, headers);
  await ask(`/sandboxes/${id}?token=${secret()}`);
  await ask(`/nothing/${id}?token=${secret()}`);
  await ask(`/files?path=/etc/passwd&signature=v1_${secret()}`);
  await ask('/files?path=/etc/passwd', {}, route(id, 49_983, secret()));
  await ask(`/files?path=/etc/passwd&signature=v1_${secret()}`, {}, route(id, 49_983));
  await ask('/', {}, { ...route(id, 8000), 'e2b-traffic-access-token': secret() });
  await ask(`/?one=${secret()}`, {}, { ...route(id, 8000), 'e2b-traffic-access-token': made.trafficAccessToken });
  // Programs: one that runs, and one that cannot.
  for (const cmd of ['true', '/nonexistent/program']) {
    const body = framed({ process: { cmd, envs: { ONE: secret() } }, stdin: false });
    await ask(
      '/process.Process/Start',
      { method: 'POST', body },
      {
        ...route(id, 49_983, made.envdAccessToken),
        'content-type': 'application/connect+json',
      },
    );
  }
  await speak(url, `GET /health HTTP/1.1\r\nHost: localhost\r\nX-One: ${secret()}\0\r\n\r\n`);
  await speak(url, `GET /health?one=${secret()} HTTP/1.1\r\nHost: a\r\nHost: ${secret()}\r\n\r\n`);
  // By the socket.
  const { client } = server;
  await client.call('POST', '/v1/sandboxes', {
    body: { id: 'box', env: { ONE: secret() }, metadata: { one: secret() } },
  });
  await client
    .call('POST', '/v1/sandboxes', { body: { env: { ONE: 1 }, metadata: { one: secret() } } })
    .catch(() => {});
  const options = { env: { ONE: secret() } };
  for (const command of [['true'], ['/nonexistent']])
    await client.call('POST', '/v1/sandboxes/box/executions', { body: { command, options } }).catch(() => {});

  const metrics = await ask('/metrics');
  const running = argumentsOfAll();
  expect(await server.stop()).toBe(0);
  expect(server.log.length).toBeGreaterThan(10);
  const stored = readFileSync(join(server.runDirectory, 'data', 'keys.json'), 'utf8');
  const places = { log: server.log.join('\n'), metrics, arguments: running, refusals: refusals.join('\n'), stored };
  // Eight characters may be shown, so that somebody can tell which one it was.
  const found = Object.entries(places).flatMap(([place, text]) =>
    planted.filter((one) => text.includes(one.slice(0, 9))).map((one) => `${place}: ${one}`),
  );
  expect(found).toEqual([]);
});
