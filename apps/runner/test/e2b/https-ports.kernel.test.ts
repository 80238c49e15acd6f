import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { type RawData, WebSocket } from 'ws';
import { routing, startSecureWeb, startWeb, useProxied } from './proxied.ts';

const used = useProxied();

describe('a port of httpsPorts', () => {
  it('is spoken to over TLS: requests, connections that are kept, and websockets', async () => {
    const hosted = await used.make({ httpsPorts: [8443] });
    await startSecureWeb(hosted.sandbox, 8443, used.directory);
    await startWeb(hosted.sandbox, 8000);
    const headers = routing(hosted, 8443);
    const client = async (): Promise<number> => (await used.ask({ path: '/echo', headers })).json.client;
    expect(await client()).toBe(await client());
    const body = Buffer.alloc(2 ** 20, 'x');
    expect((await used.ask({ method: 'POST', path: '/echo', headers, body })).json.length).toBe(body.length);
    const socket = new WebSocket(`ws://127.0.0.1:${used.port}/socket`, { headers: headers as Record<string, string> });
    await once(socket, 'open');
    socket.send('hi');
    const [echo] = (await once(socket, 'message')) as [RawData];
    expect(String(echo as Buffer)).toBe('hi');
    expect((await used.ask({ path: '/echo', headers: routing(hosted, 8000) })).status).toBe(200);
    const ends = once(socket, 'close');
    await hosted.sandbox.pause();
    await ends;
    await hosted.sandbox.destroy();
  });

  it('at which nobody speaks TLS is answered with 502, as is one that speaks it where plain HTTP is expected', async () => {
    const hosted = await used.make({ httpsPorts: [8000, 8001] });
    await startWeb(hosted.sandbox, 8000);
    await startSecureWeb(hosted.sandbox, 8443, used.directory);
    const told: unknown[] = [];
    for (const port of [8000, 8001, 8443]) {
      const { status, json } = await used.ask({ path: '/echo', headers: routing(hosted, port) });
      told.push([status, json.port, json.message.includes('port is not open')]);
    }
    expect(told).toEqual([
      [502, 8000, false],
      [502, 8001, true],
      [502, 8443, false],
    ]);
    await hosted.sandbox.destroy();
  });
});
