import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { HostedSandbox } from '../../src/e2b/hosted/hosted-sandbox.ts';
import { routing, startWeb, useProxied } from './proxied.ts';

const used = useProxied();
const made: HostedSandbox[] = [];
afterEach(async () => {
  await Promise.all(made.splice(0).map(({ sandbox }) => sandbox.destroy()));
});

async function serving(details = {}): Promise<HostedSandbox> {
  const hosted = await used.make(details, { root: 'disk' });
  made.push(hosted);
  await startWeb(hosted.sandbox, 8000);
  return hosted;
}

/** Resolves with what a stream came to an end by. */
const ended = (stream: NodeJS.ReadableStream): Promise<unknown> =>
  new Promise((resolve) => {
    stream
      .resume()
      .once('end', () => resolve('end'))
      .once('error', ({ code }) => resolve(code));
  });

describe('what is open to a sandbox', () => {
  // Mutation: ConnectionMap follows no events: the pause test hangs.
  it.each(['pause', 'stop', 'destroy'] as const)('ends with its %s: streams, requests and websockets', async (how) => {
    const hosted = await serving();
    const stream = await used.open({ path: '/events?first', headers: routing(hosted, 8000) });
    const socket = new WebSocket(`ws://127.0.0.1:${used.port}/socket`, { headers: routing(hosted, 8000) as never });
    await once(socket, 'open');
    const silent = used.ask({ path: '/silent', headers: routing(hosted, 8000) });
    // The server inside has it once it has answered what came after it.
    await used.ask({ path: '/echo', headers: routing(hosted, 8000) });
    const ends = [ended(stream), once(socket, 'close')];
    await hosted.sandbox[how]();
    expect((await Promise.all(ends)).map((end) => (Array.isArray(end) ? end[0] : end))).toEqual(['ECONNRESET', 1006]);
    const { status, json } = await silent;
    expect([status, json]).toEqual([502, { sandboxId: hosted.id, message: 'The sandbox was not found', code: 502 }]);
  });

  it('is made anew when it runs again', async () => {
    const hosted = await serving({ autoResume: true });
    const client = async (): Promise<number> =>
      (await used.ask({ path: '/echo', headers: routing(hosted, 8000) })).json.client;
    const first = await client();
    await hosted.sandbox.pause();
    expect(await client()).not.toBe(first);
    await hosted.sandbox.stop();
    await hosted.sandbox.start();
    await startWeb(hosted.sandbox, 8000);
    expect(await client()).toBeGreaterThan(0);
  });

  it('does not outlive the server that it is open to, and the next request finds another one', async () => {
    const hosted = await used.make();
    made.push(hosted);
    for (let round = 0; round < 3; round++) {
      const server = await startWeb(hosted.sandbox, 8000);
      expect((await used.ask({ path: '/echo', headers: routing(hosted, 8000) })).status).toBe(200);
      await server.kill('SIGKILL');
      await server.wait();
    }
  });
});

describe('a server that does not listen yet', () => {
  it('is waited for', async () => {
    const hosted = await used.make();
    made.push(hosted);
    const asked = used.ask({ path: '/echo', headers: routing(hosted, 8000) });
    await startWeb(hosted.sandbox, 8000);
    expect((await asked).status).toBe(200);
  });

  it('is no longer waited for when its sandbox goes', async () => {
    const hosted = await used.make();
    made.push(hosted);
    const connecting = vi.spyOn(hosted.sandbox, 'connect');
    const asked = used.ask({ headers: routing(hosted, 8000) });
    await vi.waitUntil(() => connecting.mock.calls.length > 0, { timeout: 10_000 });
    await hosted.sandbox.destroy();
    const { status, json } = await asked;
    expect([status, json.message]).toEqual([502, 'The sandbox was not found']);
    expect(connecting.mock.calls.length).toBeLessThan(5);
  });
});
