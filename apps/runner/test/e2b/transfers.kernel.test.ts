import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { expect, it, vi } from 'vitest';
import { useEnvd } from './envd-server.ts';

const used = useEnvd();
const mebibyte = 2 ** 20;

it('of clients that take nothing 64 have a place, the others wait for nothing but a connection, and all are served', async () => {
  const box = await used.create();
  await box.sandbox.files.write('/srv/large', Readable.from([Buffer.alloc(8 * mebibyte)]));
  const headers = { 'E2b-Sandbox-Id': box.id, 'X-Access-Token': box.envdToken ?? '', 'Accept-Encoding': 'identity' };
  const ask = (): Promise<IncomingMessage> =>
    once(request(`${used.url}/files?path=/srv/large`, { agent: false, headers }).end(), 'response').then(
      ([response]) => response as IncomingMessage,
    );
  const answered: IncomingMessage[] = [];
  const asking = Array.from({ length: 70 }, () => ask().then((response) => void answered.push(response)));
  await vi.waitUntil(() => answered.length === 64, { timeout: 30_000 });
  // What is small goes by, and other sandboxes have places of their own.
  expect((await used.fetch(box, '/files?path=/etc/passwd')).status).toBe(200);
  const other = await used.create();
  await other.sandbox.files.write('/srv/large', Readable.from([Buffer.alloc(8 * mebibyte)]));
  const theirs = await used.fetch(other, '/files?path=/srv/large');
  expect((await theirs.arrayBuffer()).byteLength).toBe(8 * mebibyte);
  expect(answered).toHaveLength(64);
  for (let at = 0; at < 70; at += 1) {
    await vi.waitUntil(() => answered.length > at, { timeout: 30_000 });
    let bytes = 0;
    for await (const chunk of answered[at] as AsyncIterable<Buffer>) bytes += chunk.length;
    expect(bytes).toBe(8 * mebibyte);
  }
  await Promise.all(asking);
  await Promise.all([box.sandbox.destroy(), other.sandbox.destroy()]);
}, 120_000);

it('a client that goes away gives its place back, also while it waits for one', async () => {
  const box = await used.create();
  await box.sandbox.files.write('/srv/large', Readable.from([Buffer.alloc(8 * mebibyte)]));
  const headers = { 'E2b-Sandbox-Id': box.id, 'X-Access-Token': box.envdToken ?? '', 'Accept-Encoding': 'identity' };
  let answers = 0;
  const sent = Array.from({ length: 100 }, () => {
    const one = request(`${used.url}/files?path=/srv/large`, { agent: false, headers }).end();
    one.on('response', () => {
      answers += 1;
    });
    return one.on('error', () => {});
  });
  await vi.waitUntil(() => answers === 64, { timeout: 30_000 });
  for (const one of sent) one.destroy();
  for (let count = 0; count < 3; count += 1) {
    const whole = await used.fetch(box, '/files?path=/srv/large', { headers: { 'Accept-Encoding': 'identity' } });
    expect((await whole.arrayBuffer()).byteLength).toBe(8 * mebibyte);
  }
  await box.sandbox.destroy();
}, 120_000);
