import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { createGzip, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { HostedSandbox } from '../../src/e2b/hosted/hosted-sandbox.ts';
import { useEnvd } from './envd-server.ts';

const used = useEnvd();
const mebibyte = 2 ** 20;
let box: HostedSandbox;
let small: HostedSandbox;

beforeAll(async () => {
  box = await used.create({}, { limits: { memoryBytes: 1024 * mebibyte } });
  small = await used.create({}, { limits: { rootBytes: 8 * mebibyte } });
});
afterAll(() => Promise.all([box.sandbox.destroy(), small.sandbox.destroy()]));

const exists = (path: string): Promise<boolean> => box.sandbox.files.exists(path);
const descriptors = (): number => readdirSync('/proc/self/fd').length;

function begin(method: string, path: string, headers: Record<string, string> = {}, hosted = box): ClientRequest {
  const own = { 'E2b-Sandbox-Id': hosted.id, 'X-Access-Token': hosted.envdToken ?? '' };
  const sent = request(`${used.url}/files${path}`, { method, agent: false, headers: { ...own, ...headers } });
  // What a test breaks off, and what is not sent any more.
  sent.on('error', () => {});
  return sent;
}

const binary = { 'Content-Type': 'application/octet-stream' };
const form = { 'Content-Type': 'multipart/form-data; boundary=b' };

async function answerTo(sent: ClientRequest): Promise<{ status: number; message: string }> {
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const body = await text(response);
  return { status: response.statusCode ?? 0, message: (JSON.parse(body) as { message?: string }).message ?? body };
}

async function send(
  path: string,
  headers: Record<string, string>,
  body: Readable | Buffer | string,
  hosted = box,
): Promise<{ status: number; message: string }> {
  const sent = begin('POST', path, headers, hosted);
  const answer = answerTo(sent);
  if (body instanceof Readable) body.on('error', () => {}).pipe(sent);
  else sent.end(body);
  return await answer;
}

const part = (name: string, content: string, headers = ''): string =>
  `--b\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n${headers}\r\n${content}\r\n`;

describe('an upload that is broken off', () => {
  it('leaves no part of a new file, and nothing open here', async () => {
    // The first one starts the thread that holds the root.
    await send('?path=/srv/first', binary, 'x');
    const before = descriptors();
    for (let round = 0; round < 5; round += 1)
      for (const [headers, head] of [
        [binary, ''],
        [form, part('/srv/broken', '').slice(0, -2)],
      ] as const) {
        const sent = begin('POST', '?path=/srv/broken', headers);
        sent.write(head);
        sent.write(randomBytes(300_000));
        // Beyond what is kept until the end: it is in the sandbox.
        await vi.waitUntil(() => exists('/srv/broken'), { timeout: 20_000 });
        sent.destroy();
        await vi.waitUntil(async () => !(await exists('/srv/broken')), { timeout: 20_000 });
      }
    await vi.waitFor(() => expect(descriptors()).toBeLessThanOrEqual(before), { timeout: 10_000 });
  });

  it('while it is small leaves an old file as it was', async () => {
    await box.sandbox.files.write('/srv/kept', 'kept');
    const sent = begin('POST', '?path=/srv/kept', { ...binary, 'Content-Length': '50000' });
    sent.write(randomBytes(40_000));
    await once(sent, 'socket');
    await vi.waitUntil(() => (sent.socket?.bytesWritten ?? 0) > 40_000, { timeout: 20_000 });
    sent.destroy();
    expect((await used.fetch(box, '/health')).status).toBe(204);
    expect((await box.sandbox.files.read('/srv/kept')).toString()).toBe('kept');
  });

  it('by a form that ends too early is 400, and the file that was cut is not there', async () => {
    const cut = part('/srv/first', 'whole') + part('/srv/second', 'x'.repeat(200_000)).slice(0, -50_000);
    const { status, message } = await send('', form, cut);
    expect([status, message]).toEqual([400, expect.stringContaining('/srv/first')]);
    expect([await exists('/srv/first'), await exists('/srv/second')]).toEqual([true, false]);
  });

  it('by the end of its sandbox is answered, and holds nothing', async () => {
    const endInUpload = async (): Promise<number> => {
      const other = await used.create();
      const sent = begin('POST', '?path=/srv/x', binary, other);
      const answer = answerTo(sent);
      sent.write(randomBytes(300_000));
      await vi.waitUntil(() => other.sandbox.files.exists('/srv/x'), { timeout: 20_000 });
      await other.sandbox.destroy();
      const { status } = await answer;
      sent.destroy();
      await used.runtime.waitForLifecycles();
      return status;
    };
    // What the first ones start, such as every thread of the pool, stays.
    expect(await Promise.all(Array.from({ length: 6 }, endInUpload))).toEqual(Array.from({ length: 6 }, () => 502));
    const before = descriptors();
    for (let round = 0; round < 3; round += 1) expect(await endInUpload()).toBe(502);
    await vi.waitFor(() => expect(descriptors()).toBeLessThanOrEqual(before), { timeout: 20_000 });
  });
});

describe('a form that is no list of files', () => {
  it('is refused: too many parts, no boundary, no parts at all, a header without end', async () => {
    const many = Readable.from(
      (function* () {
        for (let count = 0; count < 10_002; count += 1)
          yield `--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n`;
        yield '--b--\r\n';
      })(),
    );
    expect((await send('', form, many)).status).toBe(400);
    for (const [headers, body] of [
      [{ 'Content-Type': 'multipart/form-data' }, 'x'],
      [form, ''],
      [form, 'no boundary at all'],
      [form, `--b\r\nContent-Disposition: form-data; name="file"; filename="${'x'.repeat(300_000)}`],
      [{ 'Content-Type': 'multipart/mixed; boundary=b' }, part('/srv/x', 'x')],
    ] as const)
      expect((await send('', headers, body)).status, JSON.stringify(headers)).toBe(400);
    expect((await used.fetch(box, '/health')).status).toBe(204);
  });

  it('is passed over where it has no files, however large its fields and headers are', async () => {
    const field = `--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n${'y'.repeat(3 * mebibyte)}\r\n`;
    const header = part('/srv/after', 'after', `X-Long: ${'z'.repeat(500_000)}\r\n`);
    const { status, message } = await send('', form, `${field}${part('/srv/before', 'before')}${header}--b--\r\n`);
    expect(status, message).toBe(200);
    expect((await box.sandbox.files.read('/srv/before')).toString()).toBe('before');
  });
});

describe('inv-56: a path of an upload', () => {
  it('leads nowhere but into the sandbox, by `..`, symlinks or the links of /proc', async () => {
    await box.sandbox.run(
      ['sh', '-c', 'ln -s ../../../../../../../../tmp/out /srv/up; ln -s /proc/1/root/tmp/out /srv/proc'],
      {
        user: 'root',
      },
    );
    const name = `hatchery-canary-${randomBytes(8).toString('hex')}`;
    for (const path of [`../../../../../../tmp/${name}`, `/../../../tmp/${name}`, `/srv/../../../tmp/${name}`])
      expect((await send(`?${new URLSearchParams({ path }).toString()}`, binary, 'x')).status).toBe(200);
    expect(readdirSync('/tmp')).not.toContain(name);
    expect(await exists(`/tmp/${name}`)).toBe(true);
    expect((await send('?path=/srv/up', binary, 'x')).status).toBe(200);
    expect(await exists('/tmp/out')).toBe(true);
    expect((await send('?path=/srv/proc', binary, 'x')).status).toBe(400);
    const formed = part('../../../../../../tmp/formed', 'x');
    expect((await send('', form, `${formed}--b--\r\n`)).status).toBe(200);
    expect(await exists('/tmp/formed')).toBe(true);
  });

  it('that names a FIFO, a device, the kernel’s own or nothing possible is refused, and nobody waits', async () => {
    await box.sandbox.run(['mkfifo', '/srv/pipe'], { user: 'root' });
    for (const path of [
      '/srv/pipe',
      '/dev/zero',
      '/proc/sys/kernel/hostname',
      'a\0b',
      '/',
      '..',
      `/${'n'.repeat(300)}`,
      '/a'.repeat(3000),
    ])
      expect(
        (await send(`?${new URLSearchParams({ path }).toString()}`, binary, randomBytes(200_000))).status,
        path.slice(0, 30),
      ).toBe(400);
  });
});

it('a bomb of gzip grows no further than the disk of its sandbox, and what it filled is free again', async () => {
  const bomb = Readable.from(
    (function* () {
      const zeros = Buffer.alloc(mebibyte);
      for (let count = 0; count < 2000; count += 1) yield zeros;
    })(),
  ).pipe(createGzip());
  const { status } = await send('?path=/srv/bomb', { ...binary, 'Content-Encoding': 'gzip' }, bomb, small);
  expect(status).toBe(507);
  expect(await small.sandbox.files.exists('/srv/bomb')).toBe(false);
  expect((await send('?path=/srv/fits', binary, Buffer.alloc(4 * mebibyte), small)).status).toBe(200);
  await small.sandbox.files.remove('/srv/fits');
});

it('inv-14: a file that is cut while it is sent breaks the answer off', async () => {
  await box.sandbox.files.write('/srv/shrinks', Readable.from([Buffer.alloc(64 * mebibyte)]));
  const sent = begin('GET', '?path=/srv/shrinks', { 'Accept-Encoding': 'identity' });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  expect(response.headers['content-length']).toBe(String(64 * mebibyte));
  await box.sandbox.run(['truncate', '-s', '1000000', '/srv/shrinks'], { user: 'root' });
  await expect(text(response)).rejects.toMatchObject({ code: 'ECONNRESET' });
  await box.sandbox.files.remove('/srv/shrinks');
});

it('large files go in and out in memory that does not grow with them, however slow their reader is', async () => {
  const size = 400 * mebibyte;
  const chunk = Buffer.alloc(mebibyte, 'compressible ');
  const base = process.memoryUsage().rss;
  let peak = base;
  const look = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 20);
  try {
    const content = Readable.from(
      (function* () {
        for (let sent = 0; sent < size; sent += chunk.length) yield chunk;
      })(),
      { objectMode: false },
    );
    expect((await send('?path=/srv/large', binary, content)).status).toBe(200);
    for (const accepted of ['identity', 'gzip']) {
      const sent = begin('GET', '?path=/srv/large', { 'Accept-Encoding': accepted });
      sent.end();
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      // Nothing is read until much has happened elsewhere.
      for (let round = 0; round < 20; round += 1) await used.fetch(box, '/health');
      let received = 0;
      for await (const bytes of response as AsyncIterable<Buffer>) received += bytes.length;
      if (accepted === 'identity') expect(received).toBe(size);
    }
  } finally {
    clearInterval(look);
    await box.sandbox.files.remove('/srv/large');
  }
  // Client and server are one process here, and what has gone through them is garbage for a while.
  expect(peak - base).toBeLessThan(250 * mebibyte);
}, 300_000);

it('gzip of a form is expanded, too', async () => {
  const { status } = await send(
    '',
    { ...form, 'Content-Encoding': 'gzip' },
    gzipSync(`${part('/srv/gz', 'in gzip')}--b--\r\n`),
  );
  expect(status).toBe(200);
  expect((await box.sandbox.files.read('/srv/gz')).toString()).toBe('in gzip');
});
