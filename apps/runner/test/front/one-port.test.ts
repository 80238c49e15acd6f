import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest, type ServerResponse } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2, constants, type OutgoingHttpHeaders } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Answer, type Request, writeHead } from '../../src/e2b/proxy/exchange.ts';
import { developmentCertificate } from '../../src/front/development-certificate.ts';
import type { TlsIdentity } from '../../src/front/tls-identity.ts';
import { TcpListener } from '../../src/serve/tcp-listener.ts';

const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'hatchery-test-'));
let certificate: TlsIdentity;
let plain: TcpListener;
let secure: TcpListener;

const asked: (string | undefined)[] = [];

/** Tells what it was asked, once it has all of it; of /now at once, and /whole is all there before it ends. */
const handler = {
  request: (request: Request, answer: Answer) => {
    asked.push(request.url);
    if (request.url === '/now') answer.end('now');
    else if (request.url === '/whole') {
      writeHead(answer, 200, { 'content-length': '5' });
      (answer as ServerResponse).write('whole');
      setTimeout(() => answer.end(), 100);
    } else
      void text(request).then((body) => answer.end(`${request.httpVersion} ${request.method} ${request.url} ${body}`));
  },
  upgrades: ({ headers }: Request) => headers.upgrade === 'echo',
  upgrade: (_: unknown, socket: NodeJS.ReadWriteStream) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    socket.pipe(socket);
  },
  connect: (request: Request, socket: NodeJS.ReadWriteStream) => {
    socket.end(`HTTP/1.1 200 Connected\r\n\r\nto ${request.url}`);
  },
};
const place = { host: '127.0.0.1', port: 0, maxConnections: 100 };

beforeAll(async () => {
  certificate = await developmentCertificate(directory, ['sbx.test', '*.sbx.test', '127.0.0.1']);
  plain = await TcpListener.listen({ ...place, tls: null }, handler);
  secure = await TcpListener.listen({ ...place, tls: certificate }, handler);
});
afterAll(async () => {
  await Promise.all([plain.end(0), secure.end(0)]);
  rmSync(directory, { recursive: true });
});

const portOf = ({ url }: TcpListener): number => Number(new URL(url).port);

function open(listener: TcpListener): Socket {
  const socket = connect(portOf(listener), '127.0.0.1');
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  return socket;
}

function session(listener: TcpListener): ClientHttp2Session {
  const opened = connectHttp2(listener.url, { ca: certificate.cert });
  opened.on('error', () => {});
  onTestFinished(() => opened.destroy());
  return opened;
}

async function ask(opened: ClientHttp2Session, headers: OutgoingHttpHeaders, body = ''): Promise<[unknown, string]> {
  const stream = opened.request(headers, { endStream: body === '' });
  if (body !== '') stream.end(body);
  const [answer] = await once(stream, 'response');
  return [answer[':status'], String(await buffer(stream))];
}

/** However it came to it. */
function closed(connection: Socket | ClientHttp2Session): Promise<void> {
  return new Promise((resolve) => void connection.once('close', () => resolve()));
}

/** Frames of HTTP/2: a type, flags, a stream, and what is in it. */
function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const preface = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0, Buffer.alloc(0))]);

// Others may be using the machine.
vi.setConfig({ testTimeout: 40_000 });

describe('one port', () => {
  it('speaks HTTP/1.1 and HTTP/2, and both at once', async () => {
    const one = await fetch(`${plain.url}/a`, { method: 'POST', body: 'x' });
    expect(await one.text()).toBe('1.1 POST /a x');
    const two = session(plain);
    const asked = await Promise.all([ask(two, { ':path': '/a', ':method': 'POST' }, 'x'), ask(two, { ':path': '/b' })]);
    expect(asked).toEqual([
      [200, '2.0 POST /a x'],
      [200, '2.0 GET /b '],
    ]);
    expect(await (await fetch(`${plain.url}/c`)).text()).toBe('1.1 GET /c ');
  });

  it('negotiates the same over TLS', async () => {
    expect(await ask(session(secure), { ':path': '/a' })).toEqual([200, '2.0 GET /a ']);
    const options = { ca: certificate.cert, port: portOf(secure), host: '127.0.0.1', path: '/b', agent: false };
    const [answer] = await once(httpsRequest(options).end(), 'response');
    expect(await text(answer)).toBe('1.1 GET /b ');
    const named = connectTls({
      ca: certificate.cert,
      port: portOf(secure),
      servername: '80-i1.sbx.test',
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    await once(named, 'secureConnect');
    expect([named.authorized, named.alpnProtocol]).toEqual([true, 'h2']);
    named.destroy();
  });

  it('lets a connection be upgraded, with TLS and without', async () => {
    for (const listener of [plain, secure]) {
      const request = listener === plain ? httpRequest : httpsRequest;
      const headers = { Connection: 'Upgrade', Upgrade: 'echo' };
      const asked = request({ port: portOf(listener), host: '127.0.0.1', headers, ca: certificate.cert, agent: false });
      const [, socket] = await once(asked.end(), 'upgrade');
      socket.end('hello');
      expect(await text(socket)).toBe('hello');
    }
  });

  // Mutation: peekProtocol() decides at the first bytes, whatever is missing.
  it('waits for what tells which one it is', async () => {
    const socket = open(plain);
    socket.setNoDelay(true);
    for (const byte of 'POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx') {
      await new Promise((sent) => socket.write(byte, sent));
    }
    expect(await text(socket)).toMatch(/1\.1 POST \/p x$/);
    const two = open(plain);
    two.setNoDelay(true);
    for (const byte of preface) await new Promise((sent) => two.write(Buffer.of(byte), sent));
    const [settings] = await once(two, 'data');
    expect(settings[3]).toBe(4);
  });

  // A client may have all of an answer before the server knows that it has ended.
  // Mutation: the second one is refused, too.
  it('takes one request that comes a little early, and no more', async () => {
    const early = open(plain);
    early.write('GET /whole HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(early, 'readable');
    early.write('POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx');
    expect(await text(early)).toMatch(/^HTTP\/1\.1 200 [^]*wholeHTTP\/1\.1 200 [^]*1\.1 POST \/a x$/);
    const many = open(plain);
    many.write(`GET /whole HTTP/1.1\r\nHost: a\r\n\r\n${'GET /a HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(50)}`);
    const answers = await text(many);
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 400']);
  });

  it('hands a CONNECT on with all that came behind it, and not one that is in nobody’s turn', async () => {
    const asked = 'CONNECT token@a:1 HTTP/1.1\r\nHost: token@a:1\r\n\r\n';
    const socket = open(plain);
    socket.write(asked);
    expect(await text(socket)).toBe('HTTP/1.1 200 Connected\r\n\r\nto token@a:1');
    // Mutation: handler.connect() in any case.
    for (const bytes of [`GET /whole HTTP/1.1\r\nHost: a\r\n\r\n${asked}`, asked.replace('Host', 'Host: b\r\nHost')]) {
      const refused = open(plain);
      refused.write(bytes);
      expect(await text(refused)).not.toContain('Connected');
    }
  });

  it('forgets one that came early when its client goes, and upgrades none', async () => {
    const gone = open(plain);
    gone.write('GET /whole HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(gone, 'readable');
    await new Promise((sent) => gone.write('GET /never HTTP/1.1\r\nHost: a\r\n\r\n', sent));
    gone.resetAndDestroy();
    const upgrading = open(plain);
    const upgrade = 'GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';
    upgrading.write(`GET /whole HTTP/1.1\r\nHost: a\r\n\r\n${upgrade}`);
    expect((await text(upgrading)).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400']);
    expect(asked).not.toContain('/never');
  });

  it('takes what begins like HTTP/2 and is not for what it is', async () => {
    for (const bytes of [
      'PRI * HTTP/1.1\r\nHost: a\r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n',
      'PATCH /x HTTP/2.0\r\nHost: a\r\n\r\n',
    ]) {
      const socket = open(plain);
      socket.write(bytes);
      expect(await text(socket)).toMatch(/^HTTP\/1\.1 [45]/);
    }
    const half = open(plain);
    half.end('PRI * HTT');
    expect(await text(half)).toBe('');
  });

  it('refuses a request of HTTP/2 that says two things', async () => {
    const opened = session(plain);
    const refused = [
      { ':authority': 'a', host: 'b' },
      { ':path': 'http://evil/' },
      { ':path': '//evil/' },
      { ':path': '/%00' },
    ];
    for (const headers of refused) {
      // Some of it the library takes for no request at all, and resets the stream.
      const told = await ask(opened, headers).catch(({ code }) => [code]);
      expect([400, 'ERR_HTTP2_STREAM_ERROR'], JSON.stringify(headers)).toContain(told[0]);
    }
    expect((await ask(opened, { ':authority': 'a', host: 'a' }))[0]).toBe(200);
  });
});

describe('who is hostile to one port', () => {
  // Ten seconds, as long as a client has to say what it wants.
  it('and says nothing, or never all of it, is cut off', async () => {
    const waiting = await TcpListener.listen({ ...place, tls: null }, handler);
    const half = {
      nothing: '',
      'half a preface': 'PRI * HTTP',
      'half a head': 'GET / HTTP/1.1\r\nHost: a\r\nX: ',
      'no request of HTTP/2': preface,
    };
    const cut = Object.values(half).map(async (bytes) => {
      const socket = open(waiting);
      socket.write(bytes);
      await closed(socket.resume());
    });
    const handshake = open(secure);
    handshake.write(Buffer.from([22, 3, 1]));
    // What is answered already, and never all there.
    const dripping = open(waiting).resume();
    dripping.write('POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n');
    const drip = setInterval(() => dripping.write('x'), 200);
    cut.push(closed(dripping).then(() => clearInterval(drip)));
    await Promise.all([...cut, closed(handshake.resume())]);
    expect(waiting.connections).toBe(0);
    await waiting.end(0);
  });

  it('and opens streams to reset them is cut off', async () => {
    const opened = session(plain);
    const ended = closed(opened);
    const flood = (): void => {
      for (let count = 0; count < 50 && !opened.destroyed; count++) {
        const stream = opened.request({ ':path': '/' });
        stream.on('error', () => {});
        stream.close(constants.NGHTTP2_CANCEL);
      }
      if (!opened.destroyed) setImmediate(flood);
    };
    flood();
    await ended;
    expect((await fetch(`${plain.url}/a`)).status).toBe(200);
  });

  it.each([
    ['settings', frame(4, 0, 0, Buffer.alloc(0))],
    ['pings', frame(6, 0, 0, Buffer.alloc(8))],
    ['empty headers', frame(1, 0, 1, Buffer.alloc(0))],
  ])('and floods it with %s without reading is cut off', async (_, bytes) => {
    const socket = open(plain).pause();
    const many = Buffer.concat(Array.from({ length: 1000 }, () => bytes));
    socket.write(preface);
    const ended = closed(socket);
    const flood = (): void => {
      if (!socket.destroyed) socket.write(many, () => setImmediate(flood));
    };
    flood();
    await ended;
  });

  it('and sends headers without end is refused', async () => {
    const opened = session(plain);
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`x-${index}`, 'a']));
    for (const headers of [many, { 'x-long': 'a'.repeat(20_000) }]) {
      const stream = opened.request({ ':path': '/', ...headers });
      await expect(once(stream, 'response')).rejects.toMatchObject({ code: 'ERR_HTTP2_STREAM_ERROR' });
    }
    expect((await ask(opened, { ':path': '/a' }))[0]).toBe(200);
  });
});

describe('the end of one port', () => {
  it('lets what is in flight be answered, and takes no more', async () => {
    const ending = await TcpListener.listen({ ...place, tls: null }, handler);
    const opened = session(ending);
    const stream = opened.request({ ':path': '/slow', ':method': 'POST' });
    stream.write('a');
    const idle = session(ending);
    await Promise.all([ask(opened, { ':path': '/' }), ask(idle, { ':path': '/' })]);
    const silent = open(ending);
    await once(silent, 'connect');
    ending.beginEnd();
    await Promise.all([once(idle, 'close'), closed(silent)]);
    stream.end('b');
    expect(await text(stream)).toBe('2.0 POST /slow ab');
    await Promise.all([once(opened, 'close'), ending.end(30_000)]);
  });
});
