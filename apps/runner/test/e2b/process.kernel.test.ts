import { expect, it, vi } from 'vitest';
import type { HostedSandbox } from '../../src/e2b/hosted/hosted-sandbox.ts';
import { useEnvd } from './envd-server.ts';
import { call, envelope, type Stream, type StreamOptions, stream, textOf } from './wire.ts';

const used = useEnvd();

/** As clients start a command; they always say whether it has a stdin. */
function start(hosted: HostedSandbox, script: string, more: object = {}, options?: StreamOptions): Promise<Stream> {
  const { process, ...rest } = { process: {}, stdin: false, ...more };
  const config = { cmd: '/bin/bash', args: ['-l', '-c', script], ...process };
  return stream(used, hosted, 'process.Process/Start', { process: config, ...rest }, options);
}

async function run(hosted: HostedSandbox, script: string, more?: object, options?: StreamOptions) {
  await using started = await start(hosted, script, more, options);
  return await started.rest();
}

/** Starts it and reads as far as its pid. */
async function startedWith(hosted: HostedSandbox, script: string, more?: object, options?: StreamOptions) {
  const started = await start(hosted, script, more, options);
  const { start: told } = await started.next();
  return { started, pid: told.pid as number };
}

const asUser = (name: string) => ({
  headers: { Authorization: `Basic ${Buffer.from(`${name}:`).toString('base64')}` },
});
const killed = { exitCode: -1, status: 'signal: killed', error: 'signal: killed' };

it('Start tells the pid, what is written, and the exit, and ends with an end frame', async () => {
  const hosted = await used.create();
  await using one = await start(hosted, 'echo out; echo err >&2; exit 3');
  expect([one.response.status, one.response.headers.get('content-type')]).toEqual([200, 'application/connect+json']);
  const events = await one.rest();
  expect(events[0]).toEqual({ start: { pid: expect.any(Number) } });
  expect([textOf(events), textOf(events, 'stderr')]).toEqual(['out\n', 'err\n']);
  expect(events.slice(-2)).toEqual([
    { end: { exitCode: 3, exited: true, status: 'exit status 3', error: 'exit status 3' } },
    { isEnd: true },
  ]);
  expect((await run(hosted, 'true')).slice(1)).toEqual([
    { end: { exited: true, status: 'exit status 0' } },
    { isEnd: true },
  ]);
  expect((await run(hosted, 'kill -SEGV $$')).at(-2)).toMatchObject({
    end: { exitCode: -1, status: 'signal: segmentation fault' },
  });
  await hosted.sandbox.destroy();
});

it('a process has the environment and the home of its user, and the sandbox’s and its own variables', async () => {
  const hosted = await used.create({}, { env: { GLOBAL: 'g', BOTH: 'sandbox' } });
  const show = 'echo $USER $LOGNAME $HOME $PWD $(id -un) $GLOBAL $BOTH $OWN $PATH';
  const envs = { OWN: 'o', BOTH: 'own' };
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const lines = [textOf(await run(hosted, show, { process: { envs } }))];
  lines.push(textOf(await run(hosted, show, { process: { envs, cwd: '/tmp' } }, asUser('root'))));
  expect(lines).toEqual([
    `user user /home/user /home/user user g own o ${path}\n`,
    `root root /root /tmp root g own o ${path}\n`,
  ]);
  await hosted.sandbox.files.makeDirectory('/home/user/below', { user: 'user' });
  for (const [cwd, place] of [
    ['~', '/home/user'],
    ['~/below', '/home/user/below'],
    ['below', '/home/user/below'],
    ['', '/home/user'],
  ])
    expect(textOf(await run(hosted, 'pwd', { process: { cwd } }))).toBe(`${place}\n`);
  await hosted.sandbox.destroy();
});

it('what cannot be started is told in the end frame, with status 200', async () => {
  const hosted = await used.create();
  const refused = async (more: object, options?: StreamOptions) => {
    await using one = await start(hosted, 'true', more, options);
    expect(one.response.status).toBe(200);
    const events = await one.rest();
    expect(events).toEqual([{ isEnd: true, error: expect.any(Object) }]);
    return events[0].error;
  };
  expect(await refused({ process: { cwd: '/not/there' } })).toEqual({
    code: 'invalid_argument',
    message: "cwd '/not/there' does not exist",
  });
  expect(await refused({}, asUser('nobody-such'))).toEqual({
    code: 'unauthenticated',
    message: "invalid username: 'nobody-such'",
  });
  expect(await refused({ process: { cmd: '/not/there' } })).toMatchObject({ code: 'invalid_argument' });
  expect(await refused({ process: { cmd: '' } })).toMatchObject({ code: 'invalid_argument' });
  expect(await refused({ process: { envs: { 'A=B': '1' } } })).toMatchObject({ code: 'invalid_argument' });
  expect(await refused({ process: { args: ['\0'] } })).toMatchObject({ code: 'invalid_argument' });
  expect(await refused({ process: { args: ['x'.repeat(200_000)] } })).toMatchObject({ code: 'invalid_argument' });
  expect(await refused({ tag: 'x'.repeat(5000) })).toMatchObject({ code: 'invalid_argument' });
  expect(await refused({ pty: { size: { cols: 0, rows: 1 } } })).toMatchObject({ code: 'invalid_argument' });
  expect(await call(used, hosted, 'process.Process/List', {})).toEqual([200, {}]);
  await hosted.sandbox.destroy();
});

it('List tells what was started, and only as long as it runs; tags find their process', async () => {
  const hosted = await used.create();
  const first = await startedWith(hosted, 'read x', { tag: 'one', stdin: true });
  const second = await startedWith(hosted, 'read x', {
    tag: 'two',
    stdin: true,
    process: { envs: { A: '1' }, cwd: '/tmp' },
  });
  const config = { cmd: '/bin/bash', args: ['-l', '-c', 'read x'] };
  expect(await call(used, hosted, 'process.Process/List', {})).toEqual([
    200,
    {
      processes: [
        { config, pid: first.pid, tag: 'one' },
        { config: { ...config, envs: { A: '1' }, cwd: '/tmp' }, pid: second.pid, tag: 'two' },
      ],
    },
  ]);
  for (const tag of ['two', 'one'])
    expect(await call(used, hosted, 'process.Process/CloseStdin', { process: { tag } })).toEqual([200, {}]);
  expect((await first.started.rest()).at(-2)).toMatchObject({ end: { exitCode: 1 } });
  expect((await second.started.rest()).at(-2)).toMatchObject({ end: { exitCode: 1 } });
  expect(await call(used, hosted, 'process.Process/List', {})).toEqual([200, {}]);
  await hosted.sandbox.destroy();
});

it('what is no process, or is none any more, is not_found to every call', async () => {
  const hosted = await used.create();
  const { started, pid } = await startedWith(hosted, 'true');
  await started.rest();
  const input = { stdin: 'eA==' };
  for (const selector of [{ pid: 99_999 }, { pid }, { tag: 'nobody' }])
    for (const [method, more] of [
      ['SendSignal', { signal: 'SIGNAL_SIGKILL' }],
      ['SendInput', { input }],
      ['CloseStdin', {}],
      ['Update', { pty: { size: { cols: 1, rows: 1 } } }],
    ] as const) {
      const [status, error] = await call(used, hosted, `process.Process/${method}`, { process: selector, ...more });
      expect([status, error], method).toMatchObject([
        404,
        { code: 'not_found', message: expect.stringContaining('not found') },
      ]);
    }
  await using late = await stream(used, hosted, 'process.Process/Connect', { process: { pid: 99_999 } });
  expect(await late.rest()).toEqual([
    { isEnd: true, error: { code: 'not_found', message: 'process with pid 99999 not found' } },
  ]);
  await using without = await stream(used, hosted, 'process.Process/Connect', {});
  expect(await without.rest()).toMatchObject([{ error: { code: 'unimplemented' } }]);
  await hosted.sandbox.destroy();
});

it('SIGKILL and SIGTERM end it, no other signal is sent; its pid is nobody’s then', async () => {
  const hosted = await used.create();
  for (const [signal, status] of [
    ['SIGNAL_SIGKILL', 'signal: killed'],
    ['SIGNAL_SIGTERM', 'signal: terminated'],
  ]) {
    const { started, pid } = await startedWith(hosted, 'exec sleep 1000');
    expect(await call(used, hosted, 'process.Process/SendSignal', { process: { pid } })).toMatchObject([
      501,
      { code: 'unimplemented' },
    ]);
    expect(await call(used, hosted, 'process.Process/SendSignal', { process: { pid }, signal })).toEqual([200, {}]);
    expect((await started.rest()).at(-2)).toEqual({ end: { exitCode: -1, status, error: status } });
    expect((await run(hosted, `kill -0 ${pid}`)).at(-2)).toMatchObject({ end: { exitCode: 1 } });
  }
  await hosted.sandbox.destroy();
});

it('once a SIGKILL is answered the process is gone', async () => {
  const hosted = await used.create();
  const kill = (pid: number) =>
    call(used, hosted, 'process.Process/SendSignal', { process: { pid }, signal: 'SIGNAL_SIGKILL' });
  const all = await Promise.all(Array.from({ length: 8 }, () => startedWith(hosted, 'exec sleep 1000')));
  for (const { pid } of all) {
    expect(await kill(pid)).toEqual([200, {}]);
    expect((await kill(pid))[0]).toBe(404);
  }
  await hosted.sandbox.destroy();
});

it('the end waits for a background process that holds the output, unless the process was killed', async () => {
  const hosted = await used.create();
  await run(hosted, 'mkfifo /tmp/go');
  await using one = await start(hosted, '(read x < /tmp/go; echo late) & echo early');
  const { start: told } = await one.next();
  expect(textOf([await one.next()])).toBe('early\n');
  const rest = one.rest();
  // It has ended: only its output has not.
  await expect.poll(() => call(used, hosted, 'process.Process/List', {})).toEqual([200, {}]);
  await run(hosted, 'echo > /tmp/go');
  expect(textOf(await rest)).toBe('late\n');
  expect((await rest).at(-2)).toEqual({ end: { exited: true, status: 'exit status 0' } });
  const { started, pid } = await startedWith(hosted, 'sleep 1000 & exec sleep 1000');
  expect(pid).not.toBe(told.pid);
  await call(used, hosted, 'process.Process/SendSignal', { process: { pid }, signal: 'SIGNAL_SIGKILL' });
  expect(await started.rest()).toEqual([{ end: killed }, { isEnd: true }]);
  await hosted.sandbox.destroy();
});

it('at its deadline the whole tree is killed and the stream ends with deadline_exceeded', async () => {
  const hosted = await used.create();
  const headers = { 'Connect-Timeout-Ms': '300' };
  const script = 'trap "" TERM; (trap "" TERM; setsid sleep 1000) & echo started; wait; wait';
  const events = await run(hosted, script, {}, { headers });
  expect(textOf(events)).toBe('started\n');
  expect(events.at(-1)).toMatchObject({ isEnd: true, error: { code: 'deadline_exceeded' } });
  expect(events.some(({ end }) => end !== undefined)).toBe(false);
  expect(await call(used, hosted, 'process.Process/List', {})).toEqual([200, {}]);
  expect(textOf(await run(hosted, 'ps -eo args | grep -c "[s]leep 1000"'))).toBe('0\n');
  await hosted.sandbox.destroy();
});

it('a timeout of more than a timer can wait for is no timeout at once, and one that is none is refused', async () => {
  const hosted = await used.create();
  const ended = await run(hosted, 'echo done', {}, { headers: { 'Connect-Timeout-Ms': '9999999999' } });
  expect(textOf(ended)).toBe('done\n');
  for (const value of ['-1', '1.5', '99999999999', 'x'])
    expect(await run(hosted, 'true', {}, { headers: { 'Connect-Timeout-Ms': value } })).toMatchObject([
      { error: { code: 'invalid_argument' } },
    ]);
  await hosted.sandbox.destroy();
});

it('a client that goes away ends nothing; who connects later gets what nobody was given, and the end', async () => {
  const hosted = await used.create();
  await run(hosted, 'mkfifo /tmp/go');
  const { started, pid } = await startedWith(
    hosted,
    'exec 3<>/tmp/go; echo one; read x <&3; echo two; read x <&3; echo three; exit 7',
  );
  expect(textOf([await started.next()])).toBe('one\n');
  started.abort();
  await vi.waitUntil(() => used.openAnswers === 0, { timeout: 10_000 });
  await run(hosted, 'echo > /tmp/go; echo > /tmp/go');
  for (const text of ['two\nthree\n', '']) {
    await using late = await stream(used, hosted, 'process.Process/Connect', { process: { pid } });
    const events = await late.rest();
    expect(events[0]).toEqual({ start: { pid } });
    expect(textOf(events)).toBe(text);
    expect(events.at(-2)).toMatchObject({ end: { exitCode: 7 } });
  }
  await hosted.sandbox.destroy();
});

it('stdin is fed, also with nothing, and closed; without one, or of the wrong kind, that is an error', async () => {
  const hosted = await used.create();
  // Absent means that there is one.
  const { started, pid } = await startedWith(hosted, 'cat; echo over', { stdin: undefined });
  const process = { pid };
  const input = (stdin: string) => ({ process, input: { stdin: Buffer.from(stdin).toString('base64') } });
  for (const text of ['one ', '', 'two '])
    expect(await call(used, hosted, 'process.Process/SendInput', input(text))).toEqual([200, {}]);
  const more = Buffer.concat([
    envelope({ start: { process } }),
    envelope({ keepalive: {} }),
    ...['three', ' four'].map((text) => envelope({ data: { input: { stdin: Buffer.from(text).toString('base64') } } })),
  ]);
  await using fed = await stream(used, hosted, 'process.Process/StreamInput', {}, { body: new Uint8Array(more) });
  expect(await fed.rest()).toEqual([{}, { isEnd: true }]);
  expect(await call(used, hosted, 'process.Process/SendInput', { process, input: { pty: 'eA==' } })).toMatchObject([
    500,
    { code: 'internal' },
  ]);
  expect(await call(used, hosted, 'process.Process/SendInput', { process })).toMatchObject([
    501,
    { code: 'unimplemented' },
  ]);
  expect(await call(used, hosted, 'process.Process/CloseStdin', { process })).toEqual([200, {}]);
  expect(textOf(await started.rest())).toBe('one two three fourover\n');
  const none = await startedWith(hosted, 'exec sleep 1000');
  for (const method of ['SendInput', 'CloseStdin'])
    expect(
      await call(used, hosted, `process.Process/${method}`, { ...input('x'), process: { pid: none.pid } }),
    ).toMatchObject([500, { code: 'internal' }]);
  await hosted.sandbox.destroy();
});

it('a pty is a terminal: size, Ctrl-D, resize, one output', async () => {
  const hosted = await used.create();
  const pty = { size: { cols: 100, rows: 30 } };
  const script =
    'trap "stty size" WINCH; stty size; echo $TERM >&2; read x; echo "got $x"; read y || read z; cat; echo over';
  const { started, pid } = await startedWith(hosted, script, { pty, stdin: undefined });
  let shown = '';
  const showing = async (text: string): Promise<void> => {
    while (!shown.includes(text)) shown += textOf([await started.next()], 'pty');
  };
  await showing('30 100');
  await showing('xterm-256color');
  const process = { pid };
  const type = (text: string) =>
    call(used, hosted, 'process.Process/SendInput', { process, input: { pty: Buffer.from(text).toString('base64') } });
  await type('hello\n');
  await showing('got hello');
  expect(
    await call(used, hosted, 'process.Process/Update', { process, pty: { size: { cols: 90, rows: 20 } } }),
  ).toEqual([200, {}]);
  await type('\n');
  await showing('20 90');
  expect(await call(used, hosted, 'process.Process/CloseStdin', { process })).toMatchObject([
    500,
    { code: 'internal' },
  ]);
  expect(await call(used, hosted, 'process.Process/SendInput', { process, input: { stdin: 'eA==' } })).toMatchObject([
    500,
    { code: 'internal' },
  ]);
  await type('\x04');
  await showing('over');
  expect((await started.rest()).at(-2)).toMatchObject({ end: { exited: true } });
  const plain = await startedWith(hosted, 'exec sleep 1000');
  expect(await call(used, hosted, 'process.Process/Update', { process: { pid: plain.pid }, pty })).toMatchObject([
    500,
    { code: 'internal' },
  ]);
  await hosted.sandbox.destroy();
});

it('a keepalive comes after each interval without output', async () => {
  const hosted = await used.create();
  const { started } = await startedWith(hosted, 'exec sleep 1000', {}, { headers: { 'Keepalive-Ping-Interval': '1' } });
  expect([await started.next(), await started.next()]).toEqual([{ keepalive: {} }, { keepalive: {} }]);
  await hosted.sandbox.destroy();
  await expect(started.rest()).rejects.toThrow();
});

it('when the sandbox is destroyed its streams are broken off, and /health tells why', async () => {
  const hosted = await used.create();
  const { started } = await startedWith(hosted, 'exec sleep 1000');
  const rest = started.rest();
  await Promise.all([expect(rest).rejects.toThrow('terminated'), hosted.sandbox.destroy()]);
  expect((await used.fetch(hosted, '/health')).status).toBe(502);
});
