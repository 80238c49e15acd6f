import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, it } from 'vitest';
import { lingerAfter } from '../src/front/linger.ts';

// Mutation: stop() leaves its listeners where they are.
it('refusals one after the other on one connection leave nothing on it', async () => {
  const counts: number[] = [];
  const server = createServer((request, response) => {
    const { socket } = request;
    counts.push(socket.listenerCount('close'));
    lingerAfter(request, response, 60_000);
    response.writeHead(413, { 'Content-Length': 4 }).end('much');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  for (let count = 0; count < 20; count += 1) {
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n');
    // Answered before the rest of the request has been sent.
    expect(String((await once(client, 'data'))[0])).toMatch(/^HTTP\/1\.1 413 [^]*much$/);
    client.write('the rest');
  }
  // At the last one as at the first.
  expect(counts).toEqual(Array.from({ length: 20 }, () => counts[0]));
  client.destroy();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});
