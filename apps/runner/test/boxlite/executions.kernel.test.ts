import { afterAll, beforeAll, expect, it, vi } from 'vitest';
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

async function output(command: string, body: object = {}): Promise<string> {
  const attached = await attach(used, await exec(used, box, command, body));
  await attached.exit();
  return attached.stdout.toString();
}

it('runs with its arguments, variables and directory', async () => {
  expect(await output('echo $A; pwd', { env: { A: 'b' }, working_dir: '/tmp' })).toBe('b\n/tmp\n');
});

it('its status tells that it runs, and how it ended', async () => {
  const running = await exec(used, box, 'sleep 100');
  expect((await ask('GET', running)).body).toEqual({
    execution_id: expect.any(String),
    status: 'running',
    started_at: expect.stringMatching(/Z$/),
  });
  const ends = [
    [await exec(used, box, 'exit 9'), 'completed', 9],
    [await exec(used, box, 'kill -TERM $$'), 'killed', 143],
    [await exec(used, box, 'sleep 100', { timeout_seconds: 0.2 }), 'timed_out', 124],
  ] as const;
  for (const [path, status, code] of ends) {
    await vi.waitUntil(async () => (await ask('GET', path)).body.status !== 'running', generous);
    expect((await ask('GET', path)).body).toMatchObject({ status, exit_code: code, duration_ms: expect.any(Number) });
  }
  await ask('DELETE', running);
});

it('a DELETE kills its whole tree and forgets it; who is attached is told the exit', async () => {
  const path = await exec(used, box, 'sleep 7654 & echo up; wait');
  const attached = await attach(used, path);
  await vi.waitUntil(() => attached.stdout.length > 0, generous);
  expect((await ask('DELETE', path)).status).toBe(204);
  expect(await attached.exit()).toBe(137);
  for (const [method, end] of [
    ['GET', ''],
    ['DELETE', ''],
    ['POST', '/signal'],
  ] as const) {
    const gone = await ask(method, `${path}${end}`, method === 'POST' ? { signal: 15 } : undefined);
    expect([gone.status, gone.body.error.code]).toEqual([404, 'not_found']);
  }
  // Mutation: with a kill of the program alone its sleep goes on.
  const sleeps = 'cat /proc/[0-9]*/cmdline | tr "\\0" " " | grep -c "sleep 7[6]54"';
  await vi.waitUntil(async () => (await output(sleeps)) === '0\n', generous);
});

it('takes the signals that it may get, before anybody is attached, and no others', async () => {
  for (const signal of [1, 2, 3, 6, 10, 12, 15]) {
    const path = await exec(used, box, 'exec sleep 100');
    expect((await ask('POST', `${path}/signal`, { signal })).status).toBe(204);
    expect(await (await attach(used, path)).exit()).toBe(128 + signal);
    const late = await ask('POST', `${path}/signal`, { signal });
    expect([late.status, late.body.error.code]).toEqual([409, 'invalid_state']);
  }
  const path = await exec(used, box, 'sleep 100', { tty: true });
  for (const signal of [0, 9, 19, -1, 1.5]) {
    const refused = await ask('POST', `${path}/signal`, { signal });
    expect([signal, refused.status, refused.body.error.code]).toEqual([signal, 400, 'invalid_argument']);
  }
  expect((await ask('POST', `${path}/resize`, { cols: 20, rows: 10 })).status).toBe(204);
  expect((await ask('POST', `${path}/resize`, { cols: 0, rows: 10 })).body.error.code).toBe('invalid_argument');
  await ask('DELETE', path);
});

it.each([
  [{ command: '/no/such' }, 422, 'execution_failed'],
  [{ command: '/etc/passwd' }, 422, 'execution_failed'],
  [{ command: 'pwd', working_dir: '/no/such' }, 422, 'execution_failed'],
  [{ command: '' }, 400, 'invalid_argument'],
  [{}, 400, 'invalid_argument'],
  [{ command: 'ls', user: 'root' }, 400, 'invalid_argument'],
  [{ command: 'ls', timeout_seconds: -1 }, 400, 'invalid_argument'],
  [{ command: 'ls', env: { 'A=B': 'c' } }, 400, 'invalid_argument'],
  [{ command: 'ls', env: ['A'] }, 400, 'invalid_argument'],
  [{ command: 'ls', args: ['x'.repeat(200_000)] }, 400, 'invalid_argument'],
])('refuses to start %j', async (body, status, code) => {
  const refused = await ask('POST', `/boxes/${box}/exec`, body);
  expect([refused.status, refused.body.error.code]).toEqual([status, code]);
});

it('a stopped box is started by an exec, with its files; not one that was made otherwise', async () => {
  await output('echo kept > /home/user/x || echo kept > ~/x');
  await ask('POST', `/boxes/${box}/stop`);
  expect(await output('cat ~/x')).toBe('kept\n');
  const still = await used.create({ auto_resume: false });
  await ask('POST', `/boxes/${still}/stop`);
  const refused = await ask('POST', `/boxes/${still}/exec`, { command: 'true' });
  expect([refused.status, refused.body.error.code]).toEqual([409, 'stopped']);
  await ask('DELETE', `/boxes/${still}`);
});

it('a box is not stopped while a program runs in it that a client has started', async () => {
  const short = await used.create({ auto_stop: 1 });
  // Longer than a box without one would last.
  const attached = await attach(used, await exec(used, short, 'sleep 2.5; echo done'));
  // Mutation: without the hold of the execution the box is gone before.
  expect(await attached.exit()).toBe(0);
  expect(attached.stdout.toString()).toBe('done\n');
  await vi.waitUntil(async () => (await ask('GET', `/boxes/${short}`)).body.status === 'stopped', generous);
  await ask('DELETE', `/boxes/${short}`);
});

it('what goes with its box is told no exit, and is not there any more', async () => {
  const doomed = await used.create();
  const path = await exec(used, doomed, 'echo up; sleep 100');
  const attached = await attach(used, path);
  await vi.waitUntil(() => attached.stdout.length > 0, generous);
  await ask('POST', `/boxes/${doomed}/stop`);
  // Mutation: a made-up code is told instead.
  expect([await attached.exit(), await attached.closed()]).toEqual([undefined, 1001]);
  expect((await ask('GET', path)).status).toBe(404);
  await ask('DELETE', `/boxes/${doomed}`);
});

it('a program that is started beside a stop runs, or is told that the box was stopped: no fault of this server', async () => {
  const stopped = await used.create();
  for (let round = 0; round < 5; round++) {
    const starts = Array.from({ length: 5 }, () => ask('POST', `/boxes/${stopped}/exec`, { command: 'true' }));
    const [, ...answers] = await Promise.all([ask('POST', `/boxes/${stopped}/stop`), ...starts]);
    for (const { status, body } of answers)
      expect([201, 409]).toContain(status === 409 && body.error.code !== 'stopped' ? body : status);
  }
  await ask('DELETE', `/boxes/${stopped}?force=true`);
});

it('inv-26: executions that nobody collects leave no descriptor behind when they have ended', async () => {
  const ended = async (count: number): Promise<void> => {
    // Each is ended with its pipe full.
    const paths = await Promise.all(Array.from({ length: count }, () => exec(used, box, 'exec cat /dev/zero')));
    for (const path of paths) {
      await ask('POST', `${path}/signal`, { signal: 15 });
      await vi.waitUntil(async () => (await ask('GET', path)).body.status === 'killed', generous);
    }
  };
  await ended(5);
  const before = server().descriptors;
  await ended(20);
  // Mutation: without the drain at their end, and without the runtime's own reading on behind an exit, 40 pipes stay.
  await vi.waitUntil(() => server().descriptors <= before + 5, generous);
});
