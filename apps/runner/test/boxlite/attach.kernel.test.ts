import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { attach, exec } from './attached.ts';
import { useBoxlite } from './use-boxlite.ts';

vi.setConfig({ testTimeout: 90_000 });

const used = useBoxlite();
const { ask, server } = used;
let box = '';
beforeAll(async () => {
  box = await used.create();
});
afterAll(() => ask('DELETE', `/boxes/${box}?force=true`));

const generous = { timeout: 60_000, interval: 20 };

/** Makes a program of the box end. */
async function touch(path: string): Promise<void> {
  await (await attach(used, await exec(used, box, `touch ${path}`))).exit();
}

/** A program that goes on once a file is there. */
function until(path: string): string {
  return `while [ ! -e ${path} ]; do sleep 0.02; done`;
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function statusOf(path: string): Promise<unknown> {
  return (await ask('GET', path)).body.status;
}

describe('an attached client', () => {
  it('inv-8 inv-13: gets all that was written before it came, then the exit, strictly last, and a close of 1000', async () => {
    const script =
      'head -c 2000000 /dev/urandom > /tmp/x; sha256sum /tmp/x >&2; echo $$ > /tmp/pid; cat /tmp/x; exit 7';
    const path = await exec(used, box, script);
    // Until it has written for a while and is at rest: it waits for somebody.
    const look = 'read -r name < $p/comm; read -r _ _ state _ < $p/stat; [ "$name" != cat ] || [ "$state" = S ] || n=0';
    const resting = `n=0; while [ $n -lt 30 ]; do sleep 0.01; n=$((n+1)); for p in /proc/[0-9]*; do ${look}; done; done`;
    await (await attach(used, await exec(used, box, `${until('/tmp/pid')}; { ${resting}; } 2>/dev/null`))).exit();
    const attached = await attach(used, path);
    // Mutation: a program that does not wait for its first listener has dropped its beginning.
    expect(await attached.exit()).toBe(7);
    expect(await attached.closed()).toBe(1000);
    expect(attached.stderr.toString()).toMatch(new RegExp(`^${digest(attached.stdout)} `));
    expect(attached.stdout).toHaveLength(2_000_000);
    expect(attached.kinds.at(-1)).toBe('exit');
    expect(attached.kinds.filter((kind) => kind === 'exit')).toHaveLength(1);
  });

  it('is pinged at once, before a silent program has said anything', async () => {
    const attached = await attach(used, await exec(used, box, 'cat'));
    // Mutation: with the first ping after fifteen seconds a client has given up.
    await vi.waitUntil(() => attached.firstPings > 0, { timeout: 5000, interval: 10 });
    attached.tell({ type: 'stdin_eof' });
    expect(await attached.exit()).toBe(0);
  });

  it('gets the exit of one that has long ended, with its output, once more and once more', async () => {
    const path = await exec(used, box, 'echo out; echo err >&2; exit 3');
    await vi.waitUntil(async () => (await statusOf(path)) === 'completed', generous);
    for (let time = 0; time < 2; time++) {
      const attached = await attach(used, path);
      expect([await attached.exit(), attached.stdout.toString(), attached.stderr.toString()]).toEqual([
        3,
        'out\n',
        'err\n',
      ]);
    }
  });

  it('writes to its standard input and ends it', async () => {
    const attached = await attach(used, await exec(used, box, 'sha256sum'));
    const bytes = randomBytes(3_000_000);
    for (let at = 0; at < bytes.length; at += 700_000) attached.socket.send(bytes.subarray(at, at + 700_000));
    attached.tell({ type: 'stdin_eof' });
    expect(await attached.exit()).toBe(0);
    expect(attached.stdout.toString()).toBe(`${digest(bytes)}  -\n`);
  });

  it('resizes its terminal and sends signals, and is told of what is no such thing while all goes on', async () => {
    const path = await exec(
      used,
      box,
      "trap 'echo got; stty size; exit 4' USR1; echo ready; while :; do sleep 0.02; done",
      { tty: true },
    );
    const attached = await attach(used, path);
    await vi.waitUntil(() => attached.stdout.includes('ready'), generous);
    for (const wrong of [
      'no json',
      '[]',
      { type: 'kill' },
      { type: 'resize', cols: 0, rows: 1 },
      { type: 'signal', sig: 9 },
      'x'.repeat(5000),
    ])
      attached.tell(wrong);
    await vi.waitUntil(() => attached.told.length === 6, generous);
    expect(attached.told.map(({ type }) => type)).toEqual(Array.from({ length: 6 }, () => 'error'));
    expect(attached.told.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/signal 9 cannot be sent.*delete it/),
    );
    attached.tell({ type: 'resize', cols: 101, rows: 31 });
    attached.tell({ type: 'signal', sig: 10 });
    expect(await attached.exit()).toBe(4);
    expect(attached.stdout.toString()).toBe('ready\r\ngot\r\n31 101\r\n');
  });

  it('inv-12: gets no character in two frames, however the program wrote it, and every byte of what is no text', async () => {
    const split = `printf '\\303'; ${until('/tmp/split')}; printf '\\244 \\360\\237'; sleep 0.05; printf '\\220\\243\\n'`;
    const slow = await attach(used, await exec(used, box, split));
    await touch('/tmp/split');
    const many = await attach(
      used,
      await exec(used, box, 'i=0; while [ $i -lt 2000 ]; do printf "%0100d€ü🐣" 7; i=$((i+1)); done'),
    );
    const binary = await attach(used, await exec(used, box, "printf '\\377\\200\\343\\200'"));
    await Promise.all([slow.exit(), many.exit(), binary.exit()]);
    // Mutation: without the cut the decoder of some frame throws.
    const strict = new TextDecoder('utf-8', { fatal: true });
    expect(many.frames.map(({ data }) => strict.decode(data)).join('')).toHaveLength(2000 * 104);
    expect(slow.frames.map(({ data }) => data.toString()).join('')).toBe('ä 🐣\n');
    expect(binary.stdout).toEqual(Buffer.from([0xff, 0x80, 0xe3, 0x80]));
    // What is begun and not ended comes by itself after a while, before the program has said more.
    const begun = await attach(used, await exec(used, box, "printf 'a\\343'; cat"));
    await vi.waitUntil(() => begun.stdout.equals(Buffer.from([0x61, 0xe3])), generous);
    begun.tell({ type: 'stdin_eof' });
    await begun.exit();
  });

  it('inv-14: that is slow holds the program back, and gets 32 MiB whole', async () => {
    const path = await exec(used, box, 'head -c 33554432 /dev/zero | tr "\\0" x');
    const attached = await attach(used, path);
    for (let pauses = 0; pauses < 5; pauses++) {
      const had = attached.stdout.length;
      attached.socket.pause();
      // Somebody else's requests are answered meanwhile.
      expect((await ask('GET', '/me')).status).toBe(200);
      attached.socket.resume();
      await vi.waitUntil(() => attached.stdout.length > had, generous);
    }
    expect(await attached.exit()).toBe(0);
    expect(attached.stdout).toHaveLength(33_554_432);
    expect(attached.told).toHaveLength(1);
  });
});

describe('one client at a time', () => {
  it('a second one is answered 409 as HTTP, and comes in when the first has gone', async () => {
    const path = await exec(used, box, 'echo hello; cat');
    const first = await attach(used, path);
    await vi.waitUntil(() => first.stdout.length > 0, generous);
    // Mutation: with the claim taken behind the 101 the second one is let in.
    await expect(attach(used, path)).rejects.toMatchObject({ status: 409, code: 'invalid_state' });
    first.socket.terminate();
    const second = await vi.waitFor(() => attach(used, path), generous);
    // What the first one had is told again.
    await vi.waitUntil(() => second.stdout.toString() === 'hello\n', generous);
    second.tell({ type: 'stdin_eof' });
    expect(await second.exit()).toBe(0);
  });

  it('of many who come at once one gets in', async () => {
    const path = await exec(used, box, 'cat');
    const all = await Promise.allSettled(Array.from({ length: 10 }, () => attach(used, path)));
    const [winner, ...others] = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(others).toEqual([]);
    winner?.tell({ type: 'stdin_eof' });
    expect(await winner?.exit()).toBe(0);
  });

  it('a handshake that is none takes no place', async () => {
    const path = await exec(used, box, 'head -c 4000000 /dev/zero; cat');
    const { hostname, port } = new URL(server().url);
    const socket = connect(Number(port), hostname);
    socket.write(
      `GET /v1${path}/attach HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${used.key()}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 4/);
    socket.destroy();
    // Mutation: without the release of the claim this is 409; with one that counts as a client that has gone the first bytes are.
    const attached = await attach(used, path);
    attached.tell({ type: 'stdin_eof' });
    await attached.exit();
    expect([attached.stdout.length, attached.told.length]).toEqual([4_000_000, 1]);
  });
});

describe('a cut socket', () => {
  it('leaves the execution running, whose status tells its end; who comes back gets the last of it', async () => {
    const script = `echo begin; ${until('/tmp/cut')}; head -c 8000000 /dev/zero | tr "\\0" x; echo end; exit 5`;
    const path = await exec(used, box, script);
    const first = await attach(used, path);
    await vi.waitUntil(() => first.stdout.length > 0, generous);
    first.socket.terminate();
    await vi.waitFor(async () => (await attach(used, path)).socket.terminate(), generous);
    await touch('/tmp/cut');
    // Mutation: with a program that waits for its client it never ends.
    await vi.waitUntil(async () => (await statusOf(path)) === 'completed', generous);
    expect((await ask('GET', path)).body).toMatchObject({ status: 'completed', exit_code: 5 });
    const again = await attach(used, path);
    expect(await again.exit()).toBe(5);
    expect(again.stdout.length).toBeGreaterThanOrEqual(262_144);
    // Beside the backlog only what nobody had taken out of the pipe by the exit.
    expect(again.stdout.length).toBeLessThan(4_000_000);
    expect(again.stdout.toString().endsWith('xend\n')).toBe(true);
    // What is gone is told, to the byte.
    const lost = again.told.map(({ message = '' }) =>
      Number(/^(\d+) bytes of stdout are gone/.exec(message)?.[1] ?? 0),
    );
    expect(lost.reduce((sum, bytes) => sum + bytes, again.stdout.length)).toBe(8_000_004);
    const third = await attach(used, path);
    await third.exit();
    expect([third.stdout.length, third.told.length]).toEqual([262_144, 1]);
  });

  it('what a client holds open with half a connection ends with its other half', async () => {
    const path = await exec(used, box, 'cat');
    const attached = await attach(used, path);
    // @ts-expect-error -- ws tells its socket to nobody
    attached.socket._socket.end();
    await vi.waitFor(async () => {
      const next = await attach(used, path);
      next.tell({ type: 'stdin_eof' });
      expect(await next.exit()).toBe(0);
    }, generous);
  });
});

describe('who may not', () => {
  it('is answered as HTTP: without a key, for what is not there, and with a plain GET', async () => {
    const path = await exec(used, box, 'sleep 100');
    await expect(attach(used, path, '')).rejects.toMatchObject({ status: 401, code: 'unauthenticated' });
    await expect(attach(used, path, 'e2b_wrong')).rejects.toMatchObject({ status: 401, code: 'unauthenticated' });
    await expect(attach(used, `/boxes/${box}/executions/none`)).rejects.toMatchObject({
      status: 404,
      code: 'not_found',
    });
    await expect(attach(used, '/boxes/none/executions/none')).rejects.toMatchObject({ status: 404, code: 'not_found' });
    await expect(attach(used, '/boxes/%ff/executions/none')).rejects.toMatchObject({
      status: 400,
      code: 'invalid_argument',
    });
    const plain = await ask('GET', `${path}/attach`);
    expect([plain.status, plain.body.error.code]).toEqual([400, 'invalid_argument']);
    // Other upgrades of this API are none.
    const other = await fetch(`${server().url}/v1/boxes`, {
      headers: { upgrade: 'websocket', connection: 'upgrade' },
    }).catch(() => null);
    expect(other?.status ?? 401).toBe(401);
    await ask('DELETE', path);
  });

  it('who writes to a program that does not read is not listened to, and makes room for who comes', async () => {
    const path = await exec(used, box, 'sleep 1000');
    const first = await attach(used, path);
    first.socket.send(Buffer.alloc(12 * 2 ** 20));
    await expect(attach(used, path)).rejects.toMatchObject({ status: 409 });
    // Mutation: without the way that it gives the second one waits for 28 seconds.
    const second = await vi.waitFor(() => attach(used, path), { timeout: 20_000, interval: 200 });
    expect(await first.closed()).toBe(1006);
    // Mutation: with a count for each client instead of the execution all of it is taken. The kernel holds some of it.
    second.socket.send(Buffer.alloc(16 * 2 ** 20));
    for (let turn = 0; turn < 50; turn++) expect((await ask('GET', '/me')).status).toBe(200);
    expect(second.socket.bufferedAmount).toBeGreaterThan(2 * 2 ** 20);
    second.socket.terminate();
    await ask('DELETE', path);
  });

  it('a giant frame ends its connection, not the execution', async () => {
    const path = await exec(used, box, 'cat > /dev/null');
    const attached = await attach(used, path);
    attached.socket.send(Buffer.alloc(17 * 2 ** 20));
    expect(await attached.closed()).not.toBe(1000);
    expect(await statusOf(path)).toBe('running');
    await ask('DELETE', path);
  });

  it('who pings without end and reads nothing is cut off after a few megabytes', async () => {
    const path = await exec(used, box, 'cat');
    const attached = await attach(used, path);
    attached.socket.pause();
    const payload = Buffer.alloc(125);
    const pinged = { isOver: false, bytes: 0 };
    void attached.closed().then(() => (pinged.isOver = true));
    const count = (error?: Error): void => {
      if (error === undefined || error === null) pinged.bytes += payload.length;
    };
    while (!pinged.isOver && pinged.bytes < 2 ** 26) {
      for (let ping = 0; ping < 100; ping++) attached.socket.ping(payload, true, count);
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Mutation: with answers that have no bound it takes all of them. The kernel holds some megabytes on the way.
    expect(pinged.bytes).toBeLessThan(2 ** 25);
    attached.socket.resume();
    await attached.closed();
    expect(await statusOf(path)).toBe('running');
    await ask('DELETE', path);
  });
});
