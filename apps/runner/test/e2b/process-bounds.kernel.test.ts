import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import type { HostedSandbox } from '../../src/e2b/hosted/hosted-sandbox.ts';
import { useEnvd } from './envd-server.ts';
import { call, stream } from './wire.ts';

const used = useEnvd();
const mebibyte = 2 ** 20;
const config = { cmd: '/bin/sleep', args: ['1000'] };

async function startSleep(hosted: HostedSandbox, envs: Record<string, string> = {}) {
  const started = await stream(used, hosted, 'process.Process/Start', { process: { ...config, envs } });
  const first = await started.next();
  return { started, pid: first.start?.pid as number | undefined, error: first.error };
}

async function manyTurns(hosted: HostedSandbox): Promise<null> {
  for (let turns = 0; turns < 20; turns++) await call(used, hosted, 'process.Process/List', {});
  return null;
}

function kill(hosted: HostedSandbox, pid: number | undefined) {
  return call(used, hosted, 'process.Process/SendSignal', { process: { pid }, signal: 'SIGNAL_SIGKILL' });
}

it('what the programs of a sandbox do not read is held up to a bound, however many they are', async () => {
  const hosted = await used.create();
  const sleeping = await Promise.all(Array.from({ length: 5 }, () => startSleep(hosted)));
  const input = { stdin: Buffer.alloc(4 * mebibyte).toString('base64') };
  const send = (index: number) =>
    call(used, hosted, 'process.Process/SendInput', { process: { pid: sleeping[index % 5]?.pid }, input });
  const waiting: ReturnType<typeof send>[] = [];
  let refusal: unknown = null;
  for (let index = 0; refusal === null; index++) {
    const sent = send(index);
    // One that is held is answered when its program ends; its way here takes a few turns.
    refusal = await Promise.race([sent, manyTurns(hosted)]);
    if (refusal === null) waiting.push(sent);
  }
  // Eight have room; one or two may still be on their way.
  expect(waiting.length).toBeGreaterThanOrEqual(8);
  expect(waiting.length).toBeLessThan(12);
  expect(refusal).toMatchObject([429, { code: 'resource_exhausted' }]);
  for (const { pid } of sleeping) expect(await kill(hosted, pid)).toEqual([200, {}]);
  for (const [status] of await Promise.all(waiting)) expect([429, 500]).toContain(status);
  // And so there is room again.
  const { started, pid } = await startSleep(hosted);
  const last = call(used, hosted, 'process.Process/SendInput', { process: { pid }, input });
  expect(await Promise.race([last, call(used, hosted, 'process.Process/List', {}).then(() => 'waits')])).toBe('waits');
  await kill(hosted, pid);
  await Promise.all([last, started.rest()]);
  await hosted.sandbox.destroy();
}, 60_000);

it('messages that are begun and not ended are held up to a bound, and cost no other sandbox anything', async () => {
  const [hosted, other] = [await used.create(), await used.create()];
  const before = process.memoryUsage.rss();
  const head = [
    'POST /process.Process/List HTTP/1.1',
    'Host: localhost',
    'Content-Type: application/json',
    `Content-Length: ${16 * mebibyte}`,
    `E2b-Sandbox-Id: ${hosted.id}`,
    `X-Access-Token: ${hosted.envdToken}`,
    '\r\n',
  ].join('\r\n');
  const refused: string[] = [];
  const sockets = Array.from({ length: 12 }, () => {
    const socket = connect(Number(new URL(used.url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.on('data', (answer) => refused.push(String(answer)));
    socket.write(head);
    socket.write(Buffer.alloc(8 * mebibyte, ' '));
    return socket;
  });
  // Four have room for theirs.
  await vi.waitUntil(() => refused.length === 8, { timeout: 20_000 });
  for (const answer of refused) expect(answer).toMatch(/^HTTP\/1.1 429 [^]*resource_exhausted/);
  expect(process.memoryUsage.rss() - before).toBeLessThan(160 * mebibyte);
  expect(await call(used, other, 'process.Process/List', {})).toEqual([200, {}]);
  for (const socket of sockets) socket.destroy();
  await vi.waitUntil(() => used.openAnswers === 0, { timeout: 10_000 });
  expect(await call(used, hosted, 'process.Process/List', {})).toEqual([200, {}]);
  await Promise.all([hosted.sandbox.destroy(), other.sandbox.destroy()]);
});

it('what processes are started with is held up to a bound, and no longer than they run', async () => {
  const hosted = await used.create();
  const directory = join(used.directory, 'state', 'processes', hosted.id);
  const envs = Object.fromEntries(['A', 'B', 'C', 'D'].map((name) => [name, 'x'.repeat(100_000)]));
  const running: number[] = [];
  let refusal: unknown = null;
  while (refusal === null) {
    const { pid, error } = await startSleep(hosted, envs);
    if (pid === undefined) refusal = error;
    else running.push(pid);
  }
  expect(refusal).toMatchObject({ code: 'resource_exhausted' });
  expect(running.length).toBe(Math.floor((16 * mebibyte) / 400_200));
  expect(readdirSync(directory)).toHaveLength(running.length);
  for (const pid of running) await kill(hosted, pid);
  await vi.waitUntil(() => !existsSync(directory), { timeout: 10_000 });
  const { pid, error } = await startSleep(hosted, envs);
  expect(error).toBeUndefined();
  // Nobody but the server's owner reads what may be secret.
  const [name = ''] = readdirSync(directory);
  expect(readFileSync(join(directory, name), 'latin1')).toContain('xxxx');
  await kill(hosted, pid);
  // One that cannot be started takes no room.
  for (let count = 0; count < 50; count++) {
    const cwd = '/not/there';
    const failed = await stream(used, hosted, 'process.Process/Start', { process: { ...config, envs, cwd } });
    expect(await failed.rest()).toMatchObject([{ error: { code: 'invalid_argument' } }]);
  }
  await hosted.sandbox.destroy();
});

it('so many clients may listen to one process, and the next is told', async () => {
  const hosted = await used.create();
  const { pid } = await startSleep(hosted);
  const listen = () => stream(used, hosted, 'process.Process/Connect', { process: { pid } });
  const listening = [];
  // The one that started it is the first.
  for (let count = 1; count < 32; count++) {
    const one = await listen();
    expect(await one.next()).toEqual({ start: { pid } });
    listening.push(one);
  }
  const refused = await listen();
  expect([refused.response.status, ...(await refused.rest())]).toMatchObject([
    200,
    { isEnd: true, error: { code: 'resource_exhausted' } },
  ]);
  listening[0]?.abort();
  await vi.waitUntil(() => used.openAnswers === 31, { timeout: 10_000 });
  const again = await listen();
  expect(await again.next()).toEqual({ start: { pid } });
  await kill(hosted, pid);
  await hosted.sandbox.destroy();
});

it('so many streams of a sandbox may be open; another is told, and what runs can still be ended', async () => {
  const [hosted, other] = [await used.create(), await used.create()];
  const sleeping = await Promise.all(Array.from({ length: 17 }, () => startSleep(hosted)));
  const listen = (index: number) =>
    stream(used, hosted, 'process.Process/Connect', { process: { pid: sleeping[index % 17]?.pid } });
  // With those that started them 512.
  const listening = await Promise.all(Array.from({ length: 512 - 17 }, (_, index) => listen(index)));
  const refused = await listen(16);
  expect([refused.response.status, ...(await refused.rest())]).toMatchObject([
    200,
    { isEnd: true, error: { code: 'resource_exhausted', message: expect.stringContaining('512 calls') } },
  ]);
  const elsewhere = await startSleep(other);
  expect(elsewhere.error).toBeUndefined();
  for (const { pid } of sleeping) expect(await kill(hosted, pid)).toEqual([200, {}]);
  for (const one of listening) expect((await one.rest()).at(-1)).toEqual({ isEnd: true });
  const { error } = await startSleep(hosted);
  expect(error).toBeUndefined();
  await Promise.all([hosted.sandbox.destroy(), other.sandbox.destroy()]);
}, 60_000);
