import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { OutgoingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RawData, WebSocket } from 'ws';
import type { HostedSandbox } from '../../src/e2b/hosted/hosted-sandbox.ts';
import { routing, startWeb, useProxied } from './proxied.ts';

const used = useProxied();
let hosted: HostedSandbox;
beforeAll(async () => {
  hosted = await used.make();
  await startWeb(hosted.sandbox, 8000);
});
afterAll(async () => {
  await hosted.sandbox.destroy();
});

/** A client at the port of the proxy. */
function client(path: string, headers: OutgoingHttpHeaders = routing(hosted, 8000)): WebSocket {
  return new WebSocket(`ws://127.0.0.1:${used.port}${path}`, {
    headers: headers as Record<string, string>,
    perMessageDeflate: false,
  });
}

describe('a websocket', () => {
  it('is passed on both ways, small and large, by headers, by name and by path', async () => {
    const ways = [
      ['/socket', routing(hosted, 8000)],
      ['/socket', { Host: `8000-${hosted.id}.sbx.test` }],
      [`/sandbox/${hosted.id}/port/8000/socket`, {}],
    ] as const;
    for (const [path, headers] of ways) {
      const socket = client(path, headers);
      await once(socket, 'open');
      for (const message of [Buffer.from('hi'), randomBytes(2 ** 20)]) {
        socket.send(message);
        const [echo] = (await once(socket, 'message')) as [RawData];
        expect((echo as Buffer).equals(message)).toBe(true);
      }
      socket.close(1000);
      expect((await once(socket, 'close'))[0]).toBe(1000);
      await used.ask({ path: '/gone', headers: routing(hosted, 8000) });
    }
  });

  it('ends inside when its client is cut off', async () => {
    const socket = client('/socket');
    await once(socket, 'open');
    socket.terminate();
    expect((await used.ask({ path: '/gone', headers: routing(hosted, 8000) })).status).toBe(200);
  });

  // Mutation: upgradedAnswer() does not watch for the end.
  it('is given up inside when its client goes before it is answered', async () => {
    for (const how of ['resetAndDestroy', 'end'] as const) {
      const socket = connect(used.port, '127.0.0.1');
      const head = `GET /silent HTTP/1.1\r\nHost: 8000-${hosted.id}.sbx.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
      await new Promise((sent) => socket.write(head, sent));
      // The server inside has it once it has answered what came after it.
      await used.ask({ path: '/echo', headers: routing(hosted, 8000) });
      socket[how]();
      expect((await used.ask({ path: '/gone', headers: routing(hosted, 8000) })).status).toBe(200);
      socket.destroy();
    }
  });

  it('that nobody takes is told as a plain answer', async () => {
    const answers = [
      [client('/echo'), 200],
      [client('/socket', routing(hosted, 8009)), 502],
    ] as const;
    for (const [socket, status] of answers) {
      socket.on('error', () => {});
      const [, answer] = await once(socket, 'unexpected-response');
      expect(answer.statusCode).toBe(status);
      socket.terminate();
    }
  });

  it('may say its first word with its request', async () => {
    const socket = connect(used.port, '127.0.0.1');
    // A masked text frame, "hi", and a masked close, both before the answer.
    const frames = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69, 0x88, 0x80, 0, 0, 0, 0]);
    const head = `GET /socket HTTP/1.1\r\nHost: 8000-${hosted.id}.sbx.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;
    socket.write(Buffer.concat([Buffer.from(head), frames]));
    const answer = (await buffer(socket)).toString('latin1');
    expect(answer).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
    expect(answer).toContain('\x81\x02hi');
  });
});
