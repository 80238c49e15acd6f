import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { asker } from './e2b/control.ts';
import { metricNames, parseMetrics } from './metric-sources.ts';
import { Server, useRunDirectory } from './server.ts';

vi.setConfig({ testTimeout: 120_000 });

/** What a healthy server may leave as it is; metrics.test.ts moves these. */
const elsewhere = [
  'hatchery_sandbox_create_failures_total',
  'hatchery_loop_delay_seconds',
  'hatchery_worker_threads',
  'hatchery_worker_jobs',
  'hatchery_worker_wait_seconds',
  'hatchery_worker_stuck_total',
  'hatchery_worker_replaced_total',
  'hatchery_worker_lost_total',
  'hatchery_pool_failures_total',
];

const parked = 'hatchery_pool_sandboxes{state="parked"}';

async function scrape({ url, key }: Server): Promise<string> {
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${key}` } });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, expect.stringMatching(/^text\/plain/)]);
  return await response.text();
}

// Mutations: each of the calls of the metrics in process-routes.ts, known-executions.ts, create-control.ts and create-server.ts left out.
it('inv-61: every metric moves when a server does what it stands for', async () => {
  // Made ahead by the server before this one, so that one is taken at once.
  const server = await Server.start(useRunDirectory(), ['--pool-ceiling', '2', '--pool-floor', '1']);
  onTestFinished(async () => void (await server.stop()));
  const before = await scrape(server);
  const ask = asker(server.url, server.key);

  // By the socket: one that had been made ahead, and one of a shape that nobody has asked for before.
  await vi.waitFor(async () => expect(parseMetrics(await scrape(server)).get(parked)).toBe(1), { timeout: 60_000 });
  const first = (await server.run(['create'])).stdout.toString().trim();
  const second = (await server.run(['create', '--memory', '100m'])).stdout.toString().trim();
  expect((await server.run(['exec', first, 'true'])).code).toBe(0);
  expect((await server.run(['exec', second, 'sh', '-c', 'kill -9 $$'])).code).toBe(137);
  // By the port: one that runs a program, is paused and destroyed.
  const { body } = await ask('POST', '/v2/sandboxes', { templateID: 'base' });
  await startTrue(server, body);
  expect((await ask('POST', `/sandboxes/${body.sandboxID}/pause`, {})).status).toBe(204);
  const paused = await scrape(server);
  expect((await ask('DELETE', `/sandboxes/${body.sandboxID}`)).status).toBe(204);
  await server.run(['rm', second]);
  const held = connect(Number(new URL(server.url).port), '127.0.0.1');
  onTestFinished(() => void held.destroy());
  await once(held, 'connect');

  const text = await scrape(server);
  const after = parseMetrics(text);
  expect(Object.fromEntries(after)).toMatchObject({
    'hatchery_sandboxes{state="running"}': 1,
    'hatchery_sandbox_events_total{type="created"}': 3,
    'hatchery_sandbox_events_total{type="paused"}': 1,
    'hatchery_sandbox_destroys_total{reason="destroyed"}': 2,
    hatchery_executions_total: 3,
    'hatchery_execution_exits_total{reason="exited"}': 2,
    'hatchery_execution_exits_total{reason="signaled"}': 1,
    'hatchery_http_requests_total{api="envd",method="POST",route="/process.Process/Start",status="200"}': 1,
    'hatchery_http_requests_total{api="control",method="POST",route="/v2/sandboxes",status="201"}': 1,
    'hatchery_http_requests_total{api="socket",method="POST",route="/v1/sandboxes",status="201"}': 2,
  });
  const made = (from: string): number => after.get(`hatchery_sandbox_create_seconds_count{from="${from}"}`) ?? 0;
  expect([made('pool'), made('demand')]).toEqual([after.get('hatchery_pool_taken_total'), 3 - made('pool')]);
  expect(parseMetrics(paused).get('hatchery_sandboxes{state="paused"}')).toBe(1);

  const earlier = parseMetrics(before);
  const moved = (name: string): boolean =>
    [...after].some(([sample, value]) => sample.startsWith(name) && earlier.get(sample) !== value);
  expect(metricNames(text).filter((name) => !elsewhere.includes(name) && !moved(name))).toEqual([]);
});

/** As E2B's clients do: one message of JSON behind five bytes, and a stream of such as the answer. */
async function startTrue(server: Server, sandbox: { sandboxID: string; envdAccessToken?: string }): Promise<void> {
  const message = Buffer.from(JSON.stringify({ process: { cmd: 'true' }, stdin: false }));
  const length = Buffer.alloc(5);
  length.writeUInt32BE(message.length, 1);
  const response = await fetch(`${server.url}/process.Process/Start`, {
    method: 'POST',
    headers: {
      'e2b-sandbox-id': sandbox.sandboxID,
      'e2b-sandbox-port': '49983',
      'x-access-token': sandbox.envdAccessToken ?? '',
      'content-type': 'application/connect+json',
      'connect-protocol-version': '1',
    },
    body: Buffer.concat([length, message]),
  });
  expect(await response.text()).toContain('"end"');
}

it('needs a key', async () => {
  const server = await Server.start(useRunDirectory());
  onTestFinished(async () => void (await server.stop()));
  expect((await fetch(`${server.url}/metrics`)).status).toBe(401);
});
