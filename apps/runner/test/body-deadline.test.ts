import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { limitBodyTime } from '../src/serve/body-deadline.ts';
import { dial, heardOn } from './raw-http.ts';

async function listening(ms: number): Promise<string> {
  const server = createServer((request, response) => {
    limitBodyTime(request, ms);
    request.on('error', () => {});
    request.on('end', () => response.end('all'));
    request.resume();
  });
  onTestFinished(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const half = 'POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 4\r\n\r\nab';

// Mutation: the timer does nothing.
it('a body that does not come breaks the connection off', async () => {
  expect((await heardOn(await dial(await listening(20), half))).statuses).toEqual([]);
});

it('one that comes is answered', async () => {
  const socket = await dial(await listening(60_000), half);
  socket.write('cd');
  expect((await heardOn(socket)).statuses).toEqual([200]);
});
