import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
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
    for (const port of ['65536', 'http', '-1', '']) {
      const { code, stderr } = await hatchery(['serve', '--port', port]);
      expect([code, stderr]).toEqual([125, expect.stringContaining(`--port: "${port}"`)]);
    }
  });

  it('ends although a client keeps its connection open', async () => {
    const ending = await Server.start(useRunDirectory());
    const { hostname, port } = new URL(ending.url);
    const socket = connect(Number(port), hostname);
    socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'data');
    const closed = once(socket, 'close');
    expect(await ending.stop()).toBe(0);
    await closed;
  });
});
