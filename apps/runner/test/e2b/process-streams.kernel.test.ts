import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { expect, it, vi } from 'vitest';
import type { HostedSandbox } from '../../src/e2b/hosted/hosted-sandbox.ts';
import { useEnvd } from './envd-server.ts';
import { call, envelope, type Stream, type StreamOptions, stream, textOf } from './wire.ts';

const used = useEnvd();
const mebibyte = 2 ** 20;

function start(hosted: HostedSandbox, script: string, options?: StreamOptions): Promise<Stream> {
  const config = { cmd: '/bin/bash', args: ['-c', script] };
  return stream(used, hosted, 'process.Process/Start', { process: config, stdin: false }, options);
}

async function run(hosted: HostedSandbox, script: string) {
  return await (await start(hosted, script)).rest();
}

async function startedHere(hosted: HostedSandbox, script: string) {
  const started = await start(hosted, script);
  return { started, pid: await pidOf(started) };
}

async function pidOf(started: Stream): Promise<number> {
  return (await started.next()).start.pid;
}

/** Numbered lines: a hole, or one that comes twice, shows. */
const lines = (count: number): string => `python3 -c 'for i in range(${count}): print(i)'`;
const numbered = (count: number): string => Array.from({ length: count }, (_, index) => `${index}\n`).join('');

/** A client by hand that asks and then takes nothing, so that only the kernel's buffers take something. */
async function deafClient(hosted: HostedSandbox, method: string, message: object): Promise<Socket> {
  const socket = connect(Number(new URL(used.url).port), '127.0.0.1').pause();
  const body = envelope(message);
  const headers = {
    Host: 'localhost',
    'Content-Type': 'application/connect+json',
    'Content-Length': body.length,
    'E2b-Sandbox-Id': hosted.id,
    'X-Access-Token': hosted.envdToken,
  };
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.on('error', () => {});
  socket.write(`POST /process.Process/${method} HTTP/1.1\r\n${head.join('')}\r\n`);
  await new Promise((resolve) => socket.write(body, resolve));
  return socket;
}

/** The bash of this host's table of processes whose script holds the text. */
function findProcess(text: string): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const found = pids.find((pid) => {
    try {
      const [program, , script] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return program === '/bin/bash' && script?.includes(text) === true;
    } catch {
      return false;
    }
  });
  return Number(found);
}

it('every client that follows gets the same output, whole', async () => {
  const hosted = await used.create();
  await run(hosted, 'mkfifo /tmp/go');
  const first = await start(hosted, `exec 3<>/tmp/go; read x <&3; ${lines(50_000)}`);
  const pid = await pidOf(first);
  const others = await Promise.all(
    Array.from({ length: 5 }, () => stream(used, hosted, 'process.Process/Connect', { process: { pid } })),
  );
  for (const other of others) expect(await other.next()).toEqual({ start: { pid } });
  await run(hosted, 'echo > /tmp/go');
  const all = await Promise.all([first, ...others].map((one) => one.rest()));
  for (const events of all) {
    expect(textOf(events)).toBe(numbered(50_000));
    expect(events.slice(-2)).toEqual([{ end: { exited: true, status: 'exit status 0' } }, { isEnd: true }]);
  }
  await hosted.sandbox.destroy();
});

it('the program waits for its own client, and memory stays bounded while it does', async () => {
  const hosted = await used.create();
  const marker = '/tmp/through';
  const deaf = await deafClient(hosted, 'Start', {
    process: { cmd: '/bin/bash', args: ['-c', `head -c 24M /dev/zero; touch ${marker}; exec sleep 1000`] },
    tag: 'deaf',
  });
  await expect.poll(async () => (await call(used, hosted, 'process.Process/List', {}))[1].processes?.length).toBe(1);
  const before = process.memoryUsage.rss();
  // It would be through by then.
  await run(hosted, 'sleep 0.5');
  expect(await hosted.sandbox.files.exists(marker)).toBe(false);
  expect(process.memoryUsage.rss() - before).toBeLessThan(64 * mebibyte);
  deaf.destroy();
  // Without a client it goes on.
  await expect.poll(() => hosted.sandbox.files.exists(marker), { timeout: 20_000 }).toBe(true);
  await hosted.sandbox.destroy();
});

it('one that follows and takes nothing stops neither the program nor the first client, and is told what it has lost', async () => {
  const hosted = await used.create();
  await run(hosted, 'mkfifo /tmp/go');
  const first = await start(hosted, `exec 3<>/tmp/go; read x <&3; head -c 60M /dev/zero | tr '\\0' x; echo end`);
  const pid = await pidOf(first);
  const slow = await stream(used, hosted, 'process.Process/Connect', { process: { pid } });
  expect(await slow.next()).toEqual({ start: { pid } });
  await run(hosted, 'echo > /tmp/go');
  const events = await first.rest();
  const text = textOf(events);
  expect([text.length, text.slice(-4)]).toEqual([60 * mebibyte + 4, 'end\n']);
  expect(events.at(-2)).toMatchObject({ end: { exited: true } });
  const late = await slow.rest();
  expect(textOf(late)).toMatch(/^x+$/);
  expect(late.at(-1)).toMatchObject({ isEnd: true, error: { code: 'data_loss' } });
  expect(late.some(({ end }) => end !== undefined)).toBe(false);
  await hosted.sandbox.destroy();
});

it('a first client that takes nothing loses its place to the next one, which then gets everything', async () => {
  const hosted = await used.create();
  await run(hosted, 'mkfifo /tmp/go');
  const deaf = await deafClient(hosted, 'Start', {
    process: { cmd: '/bin/bash', args: ['-c', `exec 3<>/tmp/go; read x <&3; head -c 40M /dev/zero; echo end`] },
    tag: 'big',
  });
  await expect.poll(async () => (await call(used, hosted, 'process.Process/List', {}))[1].processes?.length).toBe(1);
  const next = await stream(used, hosted, 'process.Process/Connect', { process: { tag: 'big' } });
  await next.next();
  await run(hosted, 'echo > /tmp/go');
  const events = await next.rest();
  expect(textOf(events).length).toBe(40 * mebibyte + 4);
  expect(events.at(-1)).toEqual({ isEnd: true });
  deaf.destroy();
  await hosted.sandbox.destroy();
}, 90_000);

it('when the first client leaves, the program waits for the next: it gets every byte at its own pace', async () => {
  const hosted = await used.create();
  await run(hosted, 'mkfifo /tmp/go');
  const first = await start(hosted, `exec 3<>/tmp/go; read x <&3; head -c 60M /dev/urandom | tee >(sha256sum >&2)`);
  const pid = await pidOf(first);
  const second = await stream(used, hosted, 'process.Process/Connect', { process: { pid } });
  await second.next();
  first.abort();
  await vi.waitUntil(() => used.openAnswers === 1, { timeout: 10_000 });
  await run(hosted, 'echo > /tmp/go');
  const events = await second.rest();
  const hash = createHash('sha256');
  for (const { data } of events) if (data?.stdout !== undefined) hash.update(data.stdout, 'base64');
  expect(textOf(events, 'stderr')).toBe(`${hash.digest('hex')}  -\n`);
  await hosted.sandbox.destroy();
});

it('a restart of the server: who comes back gets what was missed, nothing twice, and finds what was started', async () => {
  const hosted = await used.create();
  await run(hosted, 'mkfifo /tmp/go');
  const loop = 'for i in $(seq 0 999); do echo $i; [ $((i % 50)) = 0 ] && sleep 0.02; done';
  const script = `exec 3<>/tmp/go; ${loop}; read x <&3; exit 4`;
  const first = await start(hosted, script);
  const pid = await pidOf(first);
  let text = '';
  while (text.length < 500) text += textOf([await first.next()]);
  const marker = `1000.${process.pid}`;
  const other = await start(
    hosted,
    `trap 'echo last; exit 9' TERM; echo ready; sleep ${marker} >/dev/null 2>&1 & wait`,
  );
  const otherPid = await pidOf(other);
  expect(textOf([await other.next()])).toBe('ready\n');
  // What is on the way when the connection breaks is still delivered.
  const broken = (async () => {
    try {
      for (let event = await first.next(); event?.isEnd !== true; event = await first.next()) text += textOf([event]);
    } catch {
      // As a killed server leaves it.
    }
  })();
  await Promise.all([
    broken,
    expect(other.rest()).resolves.toMatchObject([{ isEnd: true, error: { code: 'aborted' } }]),
    // It ends while no server is there.
    used.reopen(async () => {
      const shell = findProcess(marker);
      process.kill(shell, 'SIGTERM');
      await vi.waitUntil(() => !existsSync(`/proc/${shell}/exe`), { timeout: 10_000 });
    }),
  ]);
  const again = used.hosted.find(hosted.id);
  if (again === undefined) throw new Error('the sandbox is gone');
  const [, { processes }] = await call(used, again, 'process.Process/List', {});
  expect(processes).toEqual([{ config: { cmd: '/bin/bash', args: ['-c', script] }, pid }]);
  const back = await stream(used, again, 'process.Process/Connect', { process: { pid } });
  await run(again, 'echo > /tmp/go');
  const events = await back.rest();
  expect(text + textOf(events)).toBe(numbered(1000));
  expect(events.at(-2)).toMatchObject({ end: { exitCode: 4 } });
  const late = await stream(used, again, 'process.Process/Connect', { process: { pid: otherPid } });
  const lateEvents = await late.rest();
  expect(textOf(lateEvents)).toBe('last\n');
  expect(lateEvents.at(-2)).toMatchObject({ end: { exitCode: 9 } });
  await again.sandbox.destroy();
});

it('clients that break off at any moment leave nothing behind', async () => {
  const hosted = await used.create();
  const listening = (): number => process.listenerCount('warning');
  const before = listening();
  for (let round = 0; round < 40; round++) {
    const gone = new AbortController();
    const headers = { 'Content-Type': 'application/connect+json' };
    const body = new Uint8Array(envelope({ process: { cmd: '/bin/sh', args: ['-c', 'yes'] } }));
    const asked = used.fetch(hosted, '/process.Process/Start', { method: 'POST', headers, body, signal: gone.signal });
    const timer = setTimeout(() => gone.abort(), round);
    const answer = await asked.catch(() => null);
    await answer?.arrayBuffer().catch(() => {});
    clearTimeout(timer);
  }
  await vi.waitUntil(() => used.openAnswers === 0, { timeout: 10_000 });
  const [, { processes = [] }] = await call(used, hosted, 'process.Process/List', {});
  expect(processes.length).toBeGreaterThan(0);
  for (const { pid } of processes)
    await call(used, hosted, 'process.Process/SendSignal', { process: { pid }, signal: 'SIGNAL_SIGKILL' });
  await expect.poll(() => call(used, hosted, 'process.Process/List', {})).toEqual([200, {}]);
  expect(hosted.sandbox.executions()).toEqual([]);
  expect(listening()).toBe(before);
  await hosted.sandbox.destroy();
});

it('programs that write for ever and that nobody listens to go on', async () => {
  const hosted = await used.create({}, { limits: { cpus: 2 } });
  for (let count = 0; count < 8; count++) {
    const { started } = await startedHere(hosted, 'exec yes');
    started.abort();
  }
  await vi.waitUntil(() => used.openAnswers === 0, { timeout: 10_000 });
  const executions = hosted.sandbox.executions();
  expect(executions).toHaveLength(8);
  await Promise.all(
    executions.map(async (execution) => {
      let from: number | null = null;
      for await (const event of execution.attach({ lend: true })) {
        if (event.type !== 'data') continue;
        from ??= event.offset;
        if (event.offset - from > mebibyte) return;
      }
      throw new Error('its output has ended');
    }),
  );
  await hosted.sandbox.destroy();
});

it('a message that is too long, is no JSON, or is cut off is refused and starts nothing', async () => {
  const hosted = await used.create();
  const refused = async (bytes: Buffer, headers: Record<string, string> = {}) => {
    const one = await stream(used, hosted, 'process.Process/Start', {}, { body: new Uint8Array(bytes), headers });
    return [one.response.status, (await one.rest()).at(-1)?.error?.code];
  };
  const long = Buffer.alloc(5);
  long.writeUInt32BE(2 ** 31, 1);
  expect(await refused(long)).toEqual([200, 'resource_exhausted']);
  expect(await refused(envelope('x'.repeat(17 * mebibyte)))).toEqual([200, 'resource_exhausted']);
  expect(await refused(envelope('{'))).toEqual([200, 'invalid_argument']);
  expect(await refused(envelope('[]'))).toEqual([200, 'invalid_argument']);
  expect(await refused(envelope({ process: { cmd: 7 } }))).toEqual([200, 'invalid_argument']);
  expect(await refused(envelope({ process: { cmd: 'true' } }).subarray(0, 12))).toEqual([200, 'invalid_argument']);
  expect(await refused(Buffer.alloc(0))).toEqual([200, 'unimplemented']);
  const twice = envelope({ process: { cmd: 'true' } });
  expect(await refused(Buffer.concat([twice, twice]))).toEqual([200, 'unimplemented']);
  expect(await refused(envelope({}), { 'Connect-Content-Encoding': 'snappy' })).toEqual([200, 'unimplemented']);
  expect(await call(used, hosted, 'process.Process/List', `"${'x'.repeat(17 * mebibyte)}"`)).toMatchObject([
    429,
    { code: 'resource_exhausted' },
  ]);
  expect(await call(used, hosted, 'process.Process/List', '{')).toMatchObject([400, { code: 'invalid_argument' }]);
  expect(await call(used, hosted, 'process.Process/List', { later: 'versions may say more' })).toEqual([200, {}]);
  expect(await call(used, hosted, 'process.Process/Nothing', {})).toMatchObject([404, { code: 404 }]);
  expect(await call(used, hosted, 'process.Process/List', {}, { 'Content-Type': 'application/proto' })).toMatchObject([
    415,
    { code: 415 },
  ]);
  const get = await used.fetch(hosted, '/process.Process/List');
  expect(get.status).toBe(404);
  expect(hosted.sandbox.executions()).toEqual([]);
  await hosted.sandbox.destroy();
});
