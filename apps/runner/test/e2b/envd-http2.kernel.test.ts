import { type ClientHttp2Session, connect, constants, createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createEnvd } from '../../src/e2b/envd/create-envd.ts';
import type { HostedSandbox } from '../../src/e2b/hosted/hosted-sandbox.ts';
import { unreadMetrics } from '../metric-sources.ts';
import { hostedSpec, useHosted } from './hosted.ts';
import { type Envelope, envelope, envelopesOf } from './wire.ts';

const used = useHosted();
let hosted: HostedSandbox;
let client: ClientHttp2Session;
let openAnswers = 0;
let close = async (): Promise<void> => {};

beforeAll(async () => {
  hosted = await used.hosted.create(hostedSpec(), {});
  const logger = { debug() {}, info() {}, warn: console.warn, error: console.error };
  const closing = new AbortController();
  const envd = createEnvd({
    hosted: used.hosted,
    logger,
    metrics: unreadMetrics(),
    closing: closing.signal,
    stateDirectory: null,
  });
  const server = createServer((request, response) => {
    openAnswers++;
    response.once('close', () => openAnswers--);
    envd.handle(request, response, hosted);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  close = async () => {
    client.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await envd.close();
  };
});
afterAll(() => close());

function ask(path: string, type: string, body: Buffer | string, token = String(hosted.envdToken)) {
  const stream = client.request({ ':method': 'POST', ':path': path, 'content-type': type, 'x-access-token': token });
  const status = new Promise<number>((resolve) => stream.once('response', (head) => resolve(head[':status'] ?? 0)));
  // What the other side, or this one, breaks off is looked at by its status and its end.
  stream.on('error', () => {});
  stream.end(body);
  return { stream, status };
}

const start = (script: string) =>
  ask(
    '/process.Process/Start',
    'application/connect+json',
    envelope({ process: { cmd: '/bin/sh', args: ['-c', script] }, stdin: false }),
  );

async function all(envelopes: AsyncIterable<Envelope>): Promise<Envelope[]> {
  const list: Envelope[] = [];
  for await (const one of envelopes) list.push(one);
  return list;
}

it('streams and unary calls are the same over HTTP/2, many on one connection', async () => {
  const asked = Array.from({ length: 10 }, (_, index) => start(`echo ${index}; exit ${index}`));
  // Read from the first moment on: Node throws away what comes before.
  const read = asked.map(({ stream }) => all(envelopesOf(stream)));
  for (const [index, { status }] of asked.entries()) {
    expect(await status).toBe(200);
    const events = ((await read[index]) ?? []).map(({ json }) => json.event ?? json);
    expect(Buffer.from(events[1].data.stdout, 'base64').toString()).toBe(`${index}\n`);
    expect(events.at(-2).end.status).toBe(`exit status ${index}`);
    expect(events.at(-1)).toEqual({});
  }
  const unary = async (token?: string) => {
    const { stream, status } = ask('/process.Process/List', 'application/json', '{}', token);
    const body = await stream.toArray();
    return [await status, JSON.parse(String(Buffer.concat(body)))];
  };
  expect(await unary()).toEqual([200, {}]);
  expect(await unary('x')).toMatchObject([401, { code: 401 }]);
});

it('a stream that its client resets, while it holds back or is quiet, is let go, and its process goes on', async () => {
  for (const script of ['exec yes', 'exec sleep 1000']) {
    const { stream, status } = start(script);
    expect(await status).toBe(200);
    // Nothing is read of it: the flow control of the stream is used up.
    expect(openAnswers).toBe(1);
    stream.destroy();
    await vi.waitUntil(() => openAnswers === 0, { timeout: 10_000 });
    const [execution] = hosted.sandbox.executions();
    // That nobody waits for a client shows in the program that writes: it goes on.
    if (script === 'exec yes')
      for await (const event of execution?.attach({ lend: true }) ?? [])
        if (event.type === 'data' && event.offset > 2 ** 24) break;
    await execution?.kill();
    await execution?.wait();
  }
});

it('when the sandbox is destroyed the stream is reset', async () => {
  const { stream, status } = start('exec sleep 1000');
  expect(await status).toBe(200);
  const closed = new Promise((resolve) => stream.once('close', resolve));
  stream.resume();
  await hosted.sandbox.destroy();
  await closed;
  expect(stream.rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR);
  expect(client.destroyed).toBe(false);
});
