import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeFrame, execProtocol, FrameType, stdinWindow } from '../src/wire/frame.ts';
import type { ErrorView } from '../src/wire/views.ts';
import { useServer } from './server.ts';

const server = useServer();
const secret = 'tops3cret-value';

beforeAll(async () => {
  await server().client.call('POST', '/v1/sandboxes', { body: { id: 'box', env: { TOKEN: secret } } });
});

interface Answer {
  status: number;
  error: ErrorView;
}

async function ask(method: string, path: string, body?: string, contentType = 'application/json'): Promise<Answer> {
  const headers = body === undefined ? {} : { 'content-type': contentType };
  const sent = request({ socketPath: server().socket, method, path, headers, agent: false });
  sent.end(body);
  const [response] = await once(sent, 'response');
  const text = (await buffer(response)).toString();
  return { status: response.statusCode, ...(text === '' ? {} : JSON.parse(text)) };
}

/** A connection that says exactly this. */
function say(bytes: string | Buffer): Socket {
  const socket = connect(server().socket);
  socket.on('error', () => {});
  socket.write(bytes);
  return socket;
}

async function answerTo(bytes: string | Buffer): Promise<string> {
  return (await buffer(say(bytes)).catch(() => Buffer.alloc(0))).toString('latin1');
}

const upgrade = `GET /v1/sandboxes/box/exec HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${execProtocol}\r\n\r\n`;

/** A session that has started `cat`, which reads nothing of what comes later. */
const startSleep = encodeFrame('start', { command: ['sleep', '1000'], options: { stdin: 'pipe' } });

/** Says frames behind an upgrade; the error that the last frame of the answer holds. */
async function frameError(...frames: readonly Buffer[]): Promise<string> {
  const answer = await answerTo(Buffer.concat([Buffer.from(upgrade), ...frames]));
  return /\{"code":.*\}$/.exec(answer)?.[0] ?? answer;
}

describe('the API', () => {
  it('answers an error with its status, code, message and step', async () => {
    expect(await ask('GET', '/v1/sandboxes/nowhere')).toEqual({
      status: 404,
      error: {
        code: 'ERR_SANDBOX_NOT_FOUND',
        message: expect.stringMatching(/^\[ERR_SANDBOX_NOT_FOUND\] /),
        step: null,
      },
    });
    expect(await ask('POST', '/v1/sandboxes', '{"id":"box"}')).toMatchObject({
      status: 409,
      error: { code: 'ERR_SANDBOX_EXISTS' },
    });
    expect(await ask('POST', '/v1/sandboxes', '{"volumes":[{"source":"/no/such","target":"/a"}]}')).toMatchObject({
      status: 404,
      error: { code: 'ERR_VOLUME_NOT_FOUND', step: 'resolve the volumes' },
    });
    expect(await ask('POST', '/v1/sandboxes', '{"volumes":[{"source":"/dev/null","target":"/a"}]}')).toMatchObject({
      status: 400,
      error: { code: 'ERR_VOLUME_UNSUPPORTED' },
    });
    expect(await ask('POST', '/v1/sandboxes/box/executions', '{"command":["/no/such"]}')).toMatchObject({
      status: 400,
      error: { code: 'ERR_EXEC_NOT_FOUND', step: 'execute' },
    });
    expect(await ask('GET', '/v2/nothing')).toMatchObject({ status: 404, error: { code: 'ERR_ROUTE_NOT_FOUND' } });
    expect(await ask('GET', '/v1/sandboxes/box/exec')).toMatchObject({
      status: 404,
      error: { code: 'ERR_ROUTE_NOT_FOUND' },
    });
  });

  it('refuses a body that is no JSON, too large, of another type, or not as its schema has it', async () => {
    const invalid = { status: 400, error: { code: 'ERR_REQUEST_INVALID' } };
    for (const body of [
      '',
      '{',
      '[]',
      '"x"',
      '{"id":1}',
      '{"image":null}',
      '{"bogus":1}',
      '{"limits":{"cpus":"1"}}',
      '{"env":{"A":1}}',
      '{"volumes":{}}',
      '{"volumes":[{"source":"/tmp"}]}',
      '{"volumes":[{"source":"/tmp","target":"/a","readonly":true}]}',
      '{"volumes":[{"source":"/tmp","target":"/a","readOnly":"ro"}]}',
      '{"__proto__":{"x":1}}',
    ])
      expect([body, await ask('POST', '/v1/sandboxes', body)]).toMatchObject([body, invalid]);
    for (const body of [
      '{}',
      '{"command":[]}',
      '{"command":"ls"}',
      '{"command":["a"],"options":{"durable":false}}',
      '{"command":["a"],"options":{"stdin":"pipe"}}',
    ])
      expect([body, await ask('POST', '/v1/sandboxes/box/executions', body)]).toMatchObject([body, invalid]);
    const large = `POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${2 ** 20 + 1}\r\n\r\n`;
    expect(await answerTo(large)).toMatch(/^HTTP\/1.1 413 .*ERR_REQUEST_INVALID.*larger than 1 MiB/s);
    expect(await ask('POST', '/v1/sandboxes', 'a=b', 'application/x-www-form-urlencoded')).toMatchObject({
      status: 415,
    });
    expect(await ask('POST', '/v1/sandboxes', `${'['.repeat(500_000)}${']'.repeat(500_000)}`)).toMatchObject(invalid);
  });

  // Mutation: without the check of the window its memory grows with what the client sends.
  it('ends a session whose frames are none that a client sends there, and says why', async () => {
    const oversized = Buffer.from([FrameType.stdin, 0xff, 0xff, 0xff, 0xff]);
    for (const [frames, text] of [
      [[Buffer.from([99, 0, 0, 0, 0])], 'a frame of type 99'],
      [[encodeFrame('exit', {})], `a frame of type ${FrameType.exit}`],
      [[oversized], 'of 4294967295 bytes'],
      [[encodeFrame('stdin', Buffer.from('x'))], 'before \\"started\\"'],
      [[encodeFrame('start', Buffer.from('{'))], 'no JSON'],
      [[encodeFrame('start', { command: ['x'], bogus: 1 })], 'bogus'],
      [[encodeFrame('start', { command: [] })], 'command'],
      [[startSleep, startSleep], 'a second frame'],
    ] as const)
      expect(await frameError(...frames)).toContain(text);
    const session = say(Buffer.concat([Buffer.from(upgrade), startSleep]));
    await new Promise<void>((resolve) => session.on('data', (data) => data.includes('"pid"') && resolve()));
    const answer = buffer(session);
    for (let sent = 0; sent < stdinWindow * 2; sent += 2 ** 16)
      session.write(encodeFrame('stdin', Buffer.alloc(2 ** 16)));
    expect((await answer).toString()).toContain(`more than ${stdinWindow} bytes of standard input`);
  });

  it('survives garbage, half requests, idle connections and floods, and keeps no descriptor of them', async () => {
    await ask('GET', '/v1/sandboxes');
    const before = server().descriptors;
    await Promise.all(
      [
        '\0\0\0',
        'GET',
        'GET / HTTP/9.9\r\n\r\n',
        `GET /${'x'.repeat(100_000)} HTTP/1.1\r\n\r\n`,
        'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
        `X: ${'y'.repeat(100_000)}`,
      ].map(async (bytes) => {
        const socket = say(bytes);
        socket.end();
        await buffer(socket).catch(() => {});
      }),
    );
    const idle = Array.from({ length: 200 }, () => say(''));
    const half = Array.from({ length: 200 }, () => say(upgrade));
    await Promise.all(Array.from({ length: 500 }, () => ask('GET', '/v1/sandboxes')));
    for (const socket of [...idle, ...half]) socket.destroy();
    while (server().descriptors > before + 1) await ask('GET', '/v1/sandboxes');
    expect(await ask('GET', '/v1/sandboxes/box')).toMatchObject({ status: 200, executions: 0 });
  });

  // Mutation: untilGone() never fires: they are made for nobody.
  it('inv-41: makes no sandbox for a client that has gone', async () => {
    // Of its own making, which takes longer than the news that the client has gone.
    const body = '{"metadata":{"for":"nobody"},"root":"disk"}';
    const answers: string[] = [];
    const head = `POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    for (let client = 0; client < 20; client++) {
      const socket = say(head + body);
      socket.on('data', (data: Buffer) => answers.push(data.toString()));
      await once(socket, 'connect');
      socket.end();
      await once(socket, 'close');
    }
    expect(answers).toEqual([]);
    const list = async (): Promise<number> =>
      (await server().client.call<{ sandboxes: [] }>('GET', '/v1/sandboxes')).sandboxes.length;
    while ((await list()) > 1);
    expect(await server().client.call('GET', '/v1/census')).toMatchObject({ leaks: [] });
  });

  it('another upgrade than its own is ignored, as HTTP has it', async () => {
    const answer = await answerTo(
      'GET /v1/sandboxes HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1.1 200 OK/);
  });

  // Mutation: log the body in requestLog(), or put the value into a validator's message.
  it('inv-58: logs no variable, argument or input, at the finest level', async () => {
    await ask('POST', '/v1/sandboxes', `{"env":{"TOKEN":["${secret}"]}}`);
    await ask('POST', '/v1/sandboxes', `{"env":{"TOKEN":"${secret}\\u0000"}}`);
    await ask('POST', '/v1/sandboxes', `{"${secret}`);
    await ask(
      'POST',
      '/v1/sandboxes/box/executions',
      `{"command":["sh","-c","exit 1","${secret}"],"options":{"env":{"A":"${secret}"}}}`,
    );
    const { stdout } = await server().run(['exec', '-i', '-e', `A=${secret}`, 'box', 'cat'], secret);
    expect(stdout.toString()).toBe(secret);
    expect(
      await frameError(encodeFrame('start', { command: ['true'], options: { env: { A: [secret] } } })),
    ).not.toContain(secret);
    expect(server().log.length).toBeGreaterThan(5);
    expect(server().log.filter((line) => line.includes(secret.slice(0, 9)))).toEqual([]);
  });
});
