import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { hatchery } from './hatchery.ts';
import { Server, serveIn, useRunDirectory, useServer } from './server.ts';

vi.setConfig({ testTimeout: 60_000 });
const server = useServer();

describe('serve over TCP', () => {
  it('answers /health on 127.0.0.1, at a port that it tells', async () => {
    expect(server().url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
    expect((await fetch(`${server().url}/health`)).status).toBe(204);
  });

  it('has nothing of the API of the socket', async () => {
    for (const path of ['/v1/sandboxes', '/v1/census', '/v1/events'])
      expect([404, 401]).toContain((await fetch(`${server().url}${path}`)).status);
  });

  it('refuses a port that is taken, and leaves no socket behind', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    const directory = useRunDirectory();
    const { code, stderr } = await hatchery([...serveIn(directory), '--port', String(port)]);
    expect([code, stderr]).toEqual([
      125,
      expect.stringMatching(/^hatchery: \[ERR_SERVER_ADDRESS\] .*EADDRINUSE.*--port/m),
    ]);
    expect(existsSync(`${directory}/hatchery.sock`)).toBe(false);
  });

  it('has no port with --port none, and refuses what is no port', async () => {
    const none = await Server.start(useRunDirectory(), ['--port', 'none']);
    onTestFinished(async () => void (await none.stop()));
    expect(none.url).toBe(null);
    const wrong = await hatchery(['serve', '--port', 'http']);
    expect([wrong.code, wrong.stderr]).toEqual([125, expect.stringContaining('[ERR_SETTING] --port: "http"')]);
  });

  it('refuses an address that others reach, unless it is told that this is fine', async () => {
    const directory = useRunDirectory();
    for (const host of ['0.0.0.0', '::']) {
      const { code, stderr } = await hatchery([...serveIn(directory), '--host', host]);
      expect([code, stderr]).toEqual([125, expect.stringMatching(/\[ERR_SERVER_ADDRESS\] --host .*--insecure-http/)]);
    }
    const open = await Server.start(directory, ['--host', '0.0.0.0', '--insecure-http']);
    onTestFinished(async () => void (await open.stop()));
    expect((await fetch(`${open.url.replace('0.0.0.0', '127.0.0.1')}/nothing`)).status).toBe(401);
  });

  it('prints its URL and a first key that works, once', async () => {
    const directory = useRunDirectory();
    const first = await Server.start(directory);
    onTestFinished(async () => void (await first.stop()));
    expect(first.greeting).toContain(`hatchery listens at ${first.url}\n`);
    expect(first.greeting).toContain(`E2B_API_KEY=${first.key}\n`);
    expect((await fetch(`${first.url}/nothing`, { headers: { 'x-api-key': first.key } })).status).toBe(404);
    await first.stop();
    const second = await Server.start(directory);
    onTestFinished(async () => void (await second.stop()));
    expect(second.greeting).toContain(`hatchery listens at ${second.url}\n`);
    expect(second.key).toBe('');
    expect((await fetch(`${second.url}/nothing`, { headers: { 'x-api-key': first.key } })).status).toBe(404);
  });

  it('has no more than --max-connections at once', async () => {
    const bounded = await Server.start(useRunDirectory(), ['--max-connections', '2']);
    onTestFinished(async () => void (await bounded.stop()));
    const { hostname, port } = new URL(bounded.url);
    const sockets = [0, 1, 2].map(() => connect(Number(port), hostname));
    onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    await Promise.race(sockets.map((socket) => once(socket, 'close')));
    expect(sockets.filter((socket) => socket.closed)).toHaveLength(1);
  });

  it('ends although a client keeps its connection open', async () => {
    const ending = await Server.start(useRunDirectory());
    const socket = await ask(ending, 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'data');
    const closed = once(socket, 'close');
    expect(await ending.stop()).toBe(0);
    await closed;
  });

  it('answers what is in flight when it ends, and takes nothing new', async () => {
    const ending = await Server.start(useRunDirectory());
    const socket = await askHalf(ending);
    const other = await ask(ending, 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(other, 'data');
    const ended = ending.stop();
    await once(other, 'close');
    const late = connect(Number(new URL(ending.url).port), '127.0.0.1');
    expect(await once(late, 'error')).toMatchObject([{ code: expect.stringMatching(/^ECONN(REFUSED|RESET)$/) }]);
    socket.write('"}');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 404 /);
    expect(await ended).toBe(0);
  });

  it('does not wait longer than --drain-timeout, and not at all at a second signal', async () => {
    const bounded = await Server.start(useRunDirectory(), ['--drain-timeout', '50ms']);
    await askHalf(bounded);
    expect(await bounded.stop()).toBe(0);

    const patient = await Server.start(useRunDirectory(), ['--drain-timeout', '1h']);
    const socket = await askHalf(patient);
    const ended = patient.stop();
    // One that comes right behind the first is taken for an echo of it.
    const again = setInterval(() => process.kill(patient.pid, 'SIGTERM'), 200);
    await once(socket, 'close');
    clearInterval(again);
    expect(await ended).toBe(143);
  });
});

/** A request that is in flight: the server says that it has its headers, and two bytes of its body are missing. */
async function askHalf(server: Server): Promise<Socket> {
  const head = `POST /nothing HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${server.key}\r\nContent-Type: application/json`;
  const socket = await ask(server, `${head}\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n{"a":"b`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 100 /);
  return socket;
}

async function ask({ url }: Server, request: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  // How a server breaks off is its own business.
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(request);
  return socket;
}
