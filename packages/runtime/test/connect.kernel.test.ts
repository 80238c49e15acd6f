import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Sandbox } from '../src/index.ts';
import type { LiveSandbox } from '../src/sandbox/sandbox.ts';
import { startEcho } from './echo-server.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();
let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await used.runtime.create();
  await startEcho(sandbox, '127.0.0.1', 7001);
});
afterAll(async () => {
  await sandbox.destroy();
});

const nobody = { code: 'ERR_CONNECT_REFUSED', message: expect.stringContaining(`start its server first`) };
const settled = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);
const closed = (socket: Duplex): Promise<unknown> => settled(finished(socket));
const rest = async (socket: Duplex): Promise<unknown> => await settled(buffer(socket));

describe('a connection to a port inside', () => {
  // Mutation, in turn: connectWithin is given this process's pidfd (the host's server answers); no setns back.
  test('reaches what listens on 127.0.0.1 there, and not what listens here', async () => {
    const here: Server = createServer((socket) => socket.end('the host'));
    here.listen(7001, '127.0.0.1');
    await once(here, 'listening');
    const socket = await sandbox.connect(7001);
    socket.end('hello');
    expect(await text(socket)).toBe('hello');
    await new Promise((closed) => here.close(closed));
  });

  // Mutation: loopback without '::1'.
  test('reaches what listens on ::1 only, or on every address', async () => {
    await startEcho(sandbox, '::1', 7002);
    await startEcho(sandbox, '0.0.0.0', 7003);
    for (const port of [7002, 7003]) {
      const socket = await sandbox.connect(port);
      socket.end('hello');
      expect(await text(socket)).toBe('hello');
    }
  });

  // Mutation: allowHalfOpen is false: the answer of what is sent after the other side's end is lost.
  test('has two halves: one that was ended leaves the other open, either way', async () => {
    const socket = await sandbox.connect(7001);
    socket.write('first');
    await once(socket, 'readable');
    socket.end(' and last');
    expect(await text(socket)).toBe('first and last');
    const server =
      'use IO::Socket::IP; $s = IO::Socket::IP->new(LocalHost => "127.0.0.1", LocalPort => 7004, Listen => 1); $| = 1; print "listening\\n"; $c = $s->accept; shutdown($c, 1); print while <$c>;';
    const reader = await sandbox.exec(['perl', '-e', server]);
    await once(reader.stdout, 'data');
    const other = await sandbox.connect(7004);
    expect(await text(other)).toBe('');
    const got = text(reader.stdout);
    other.end('after its end');
    expect(await got).toBe('after its end');
    await Promise.all([closed(socket), closed(other)]);
  });

  test('carries 100 MiB both ways at once, byte for byte', async () => {
    const piece = randomBytes(2 ** 20);
    const socket = await sandbox.connect(7001);
    const sent = Readable.from(Array.from({ length: 100 }, () => piece));
    let total = 0;
    const received = (async () => {
      for await (const chunk of socket) {
        for (let at = 0; at < chunk.length; ) {
          const from = (total + at) % piece.length;
          const length = Math.min(chunk.length - at, piece.length - from);
          if (piece.compare(chunk, at, at + length, from, from + length) !== 0)
            throw new Error(`differs at ${total + at}`);
          at += length;
        }
        total += chunk.length;
      }
    })();
    sent.pipe(socket);
    await received;
    await closed(socket);
    expect(total).toBe(100 * 2 ** 20);
  }, 60_000);

  test('holds back the writer when nobody inside reads, and the server when nobody here reads', async () => {
    const deaf =
      'use IO::Socket::IP; $s = IO::Socket::IP->new(LocalHost => "127.0.0.1", LocalPort => 7005, Listen => 9); $| = 1; print "listening\\n"; push @c, $s->accept while 1;';
    const server = await sandbox.exec(['perl', '-e', deaf]);
    await once(server.stdout, 'data');
    const socket = await sandbox.connect(7005);
    let written = 0;
    let drained = true;
    while (drained && written < 2 ** 26) {
      written += 65_536;
      if (socket.write(Buffer.alloc(65_536))) continue;
      const drain = once(socket, 'drain').then(() => true);
      // That nothing happens can only be waited for.
      drained = await Promise.race([drain, setTimeout(500, false)]);
      drain.catch(() => {});
    }
    // What fits into the kernel's buffers went through, and no more.
    expect(written).toBeGreaterThan(65_536);
    expect(written).toBeLessThan(2 ** 26);
    socket.destroy();
    await closed(socket);

    const flood =
      'use IO::Socket::IP; $s = IO::Socket::IP->new(LocalHost => "127.0.0.1", LocalPort => 7006, Listen => 9); $| = 1; print "listening\\n"; $c = $s->accept; $c->blocking(0); $x = "x" x 65536; $n = 0; while (1) { $d = syswrite($c, $x); last unless defined $d || $n == 0; $n += $d } print "$n\\n"; shutdown($c, 1);';
    const source = await sandbox.exec(['perl', '-e', flood]);
    await once(source.stdout, 'data');
    const slow = await sandbox.connect(7006);
    const [line] = (await once(source.stdout, 'data')) as [Buffer];
    const took = Number(line.toString());
    expect(took).toBeLessThan(2 ** 26);
    expect((await buffer(slow)).length).toBe(took);
    slow.end();
    await finished(slow);
    // Its descriptors would count in what comes next.
    source.stdout.resume();
    await source.wait();
  }, 30_000);

  // Mutation: a socket without a listener for errors of our own.
  test('that a server inside resets before anybody listens here ends no process', async () => {
    const hostile =
      'use IO::Socket::IP; use Socket; $s = IO::Socket::IP->new(LocalHost => "127.0.0.1", LocalPort => 7009, Listen => 99); $| = 1; print "listening\\n"; push @c, scalar $s->accept for 1..50; <STDIN>; setsockopt($_, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0)), close $_ for @c; sleep 60';
    const server = await sandbox.exec(['perl', '-e', hostile], { stdin: 'pipe' });
    await once(server.stdout, 'data');
    const sockets = await Promise.all(Array.from({ length: 50 }, () => sandbox.connect(7009)));
    server.stdin?.write('\n');
    // `finished` and `once` would listen for the error.
    await Promise.all(sockets.map((socket) => new Promise((gone) => socket.on('close', gone))));
    await server.kill();
    await server.wait();
  });

  test('is one of 1000 at once, and after them as many descriptors are open as before', async () => {
    const before = used.belongings();
    const sockets = await Promise.all(Array.from({ length: 1000 }, () => sandbox.connect(7001)));
    const answers = await Promise.all(
      sockets.map(async (socket, index) => {
        socket.end(`number ${index}`);
        return await text(socket);
      }),
    );
    expect(answers).toEqual(sockets.map((_, index) => `number ${index}`));
    await Promise.all(sockets.map((socket) => finished(socket)));
    await used.expectAgain(before);
  }, 60_000);
});

describe('what refuses a connection', () => {
  test.each([0, 65_536, 80.5, Number.NaN, '80', null])('a port that is none: %j', async (port) => {
    await expect(sandbox.connect(port as number)).rejects.toMatchObject({
      code: 'ERR_SPEC_INVALID',
      message: expect.stringContaining('port is'),
    });
  });

  // Mutation: the descriptor is not closed when it is refused.
  test('nobody listens: told as that, at once, with the port and the sandbox', async () => {
    const before = used.belongings();
    for (let round = 0; round < 50; round += 1) await expect(sandbox.connect(7999)).rejects.toMatchObject(nobody);
    await expect(sandbox.connect(7999)).rejects.toThrow(`port 7999 in sandbox ${sandbox.id}`);
    await used.expectAgain(before);
  });

  test('its server listens and accepts nothing: ERR_CONNECT_FAILED, in seconds', async () => {
    const full =
      'use Socket; socket(S, PF_INET, SOCK_STREAM, 0); bind(S, sockaddr_in(7007, inet_aton("127.0.0.1"))); listen(S, 0); $| = 1; print "listening\\n"; sleep 100';
    const server = await sandbox.exec(['perl', '-e', full]);
    await once(server.stdout, 'data');
    const first = await sandbox.connect(7007);
    await expect(sandbox.connect(7007)).rejects.toMatchObject({
      code: 'ERR_CONNECT_FAILED',
      cause: { code: 'ETIMEDOUT' },
    });
    first.destroy();
    await server.kill();
  }, 40_000);

  test('it is paused, and after the resume it is reached again; a connection outlives both', async () => {
    const socket = await sandbox.connect(7001);
    await sandbox.pause();
    await expect(sandbox.connect(7001)).rejects.toMatchObject({
      code: 'ERR_SANDBOX_STATE',
      message: expect.stringContaining('paused'),
    });
    socket.end('kept');
    await sandbox.resume();
    expect(await text(socket)).toBe('kept');
    const again = await sandbox.connect(7001);
    again.end();
    expect(await text(again)).toBe('');
  });

  test('the signal fires, before or while it connects', async () => {
    const before = used.belongings();
    await expect(sandbox.connect(7001, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    const abort = new AbortController();
    const connecting = sandbox.connect(7001, { signal: abort.signal });
    abort.abort();
    await expect(connecting).rejects.toMatchObject({ name: 'AbortError', code: 'ERR_ABORTED' });
    await used.expectAgain(before);
  });
});

describe('the end of the sandbox', () => {
  // Mutation, in turn: Connections hears nothing of `ending` (the socket stays open: the destroy is told by the kernel, as
  // an end); end() destroys with no error.
  test('inv-64: ends its connections with a reason for those who read, and nothing of them is left', async () => {
    const before = used.belongings();
    const doomed = await used.runtime.create();
    await startEcho(doomed, '127.0.0.1', 7001);
    const [read, unheard] = [await doomed.connect(7001), await doomed.connect(7001)];
    const reading = rest(read);
    // Not once(), which listens for errors.
    const gone = new Promise((resolve) => unheard.once('close', resolve));
    const late = settled(doomed.connect(7001));
    const destroyed = doomed.destroy();
    expect(await reading).toMatchObject({ code: 'ERR_SANDBOX_STATE', message: expect.stringContaining('destroyed') });
    await gone;
    expect(await late).toMatchObject({ code: 'ERR_SANDBOX_STATE' });
    await expect(doomed.connect(7001)).rejects.toMatchObject({ code: 'ERR_SANDBOX_STATE' });
    await destroyed;
    await expect(doomed.connect(7001)).rejects.toMatchObject({ code: 'ERR_SANDBOX_STATE' });
    await used.expectAgain(before);
    expect((await used.runtime.census()).leaks).toEqual([]);
  });

  test('a stop ends them, and a start is reached with new ones', async () => {
    await using disk = await used.runtime.create({ root: 'disk', limits: { rootBytes: 32 * 2 ** 20 } });
    await startEcho(disk, '127.0.0.1', 7001);
    const reading = rest(await disk.connect(7001));
    await disk.stop();
    expect(await reading).toMatchObject({ code: 'ERR_SANDBOX_STATE', message: expect.stringContaining('stopped') });
    await expect(disk.connect(7001)).rejects.toMatchObject({ code: 'ERR_SANDBOX_STATE' });
    await disk.start();
    await expect(disk.connect(7001)).rejects.toMatchObject(nobody);
    await startEcho(disk, '127.0.0.1', 7001);
    const socket = await disk.connect(7001);
    socket.end('after the start');
    expect(await text(socket)).toBe('after the start');
  });

  test('its init’s death ends them', async () => {
    const lost = await used.runtime.create();
    await startEcho(lost, '127.0.0.1', 7001);
    const reading = rest(await lost.connect(7001));
    const { lifecycle } = lost as LiveSandbox;
    if (lifecycle === null) throw new Error('it does not run');
    process.kill(lifecycle.parts.pid, 'SIGKILL');
    // The kernel’s end of it or ours, whichever comes first.
    await reading;
    await expect(lost.connect(7001)).rejects.toMatchObject({ code: expect.stringMatching(/ERR_SANDBOX_(STATE|LOST)/) });
    await lost.destroy();
  });
});
