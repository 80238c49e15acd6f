import { expect, it } from 'vitest';
import { dial, speak } from '../raw-http.ts';
import { useBoxlite } from './use-boxlite.ts';

const used = useBoxlite();
const { ask, create, server } = used;

async function uriOf(id: string, port: number): Promise<URL> {
  const { status, body } = await ask('POST', `/boxes/${id}/network/tunnel?port=${port}`);
  expect(status).toBe(200);
  return new URL(String(body['uri']));
}

/** Asks as the client does: the authority as it stands, and nothing else. */
function connectTo(authority: string): string {
  return `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;
}

// Mutation: #admit() returns any place for a token that is none.
it('nobody comes into a box without a ticket, with a key neither, and a ticket is used up by its first use', async () => {
  const id = await create();
  const uri = await uriOf(id, 4321);
  const { username: token, host } = uri;
  expect(uri.href).toMatch(/^http:\/\/[\w-]{43}@127\.0\.0\.1:\d+\/$/);
  for (const authority of [
    host,
    `x@${host}`,
    `${'x'.repeat(43)}@${host}`,
    `${token}x@${host}`,
    `${used.key()}@${host}`,
  ]) {
    const { statuses, text } = await speak(server().url, connectTo(authority));
    expect([authority, statuses]).toEqual([authority, [403]]);
    expect(text).toContain('"code":"permission_denied"');
  }
  // Nobody listens in there: the first one learns that, the second one nothing.
  expect((await speak(server().url, connectTo(`${token}@${host}`))).text).toMatch(
    /^HTTP\/1\.1 502 [^]*"upstream_unavailable"/,
  );
  expect((await speak(server().url, connectTo(`${token}@${host}`))).statuses).toEqual([403]);
});

it('a ticket is of the run of the box in which it was given out', async () => {
  const id = await create();
  const { username, host } = await uriOf(id, 4321);
  await ask('POST', `/boxes/${id}/stop`);
  await ask('POST', `/boxes/${id}/start`);
  expect((await speak(server().url, connectTo(`${username}@${host}`))).statuses).toEqual([403]);
});

it('a port that cannot be, a box that is not there, and one that is stopped and stays so', async () => {
  const id = await create({ auto_resume: false });
  for (const port of ['', 'port=', 'port=0', 'port=65536', 'port=-1', 'port=80.5', 'port=x']) {
    const { status, body } = await ask('POST', `/boxes/${id}/network/tunnel?${port}`);
    expect([port, status, body.error.code]).toEqual([port, 400, 'invalid_argument']);
  }
  expect((await ask('POST', '/boxes/nobody/network/tunnel?port=80')).status).toBe(404);
  await ask('POST', `/boxes/${id}/stop`);
  expect((await ask('POST', `/boxes/${id}/network/tunnel?port=80`)).body.error.code).toBe('stopped');
});

// Mutation: `hatchery` logs the target of a CONNECT.
it('inv-58: no token of a tunnel is in the log of the server', async () => {
  const id = await create();
  const { username, host } = await uriOf(id, 4321);
  await speak(server().url, connectTo(`${username}@${host}`));
  const text = server().log.join('\n');
  expect(text).toContain('/network/tunnel');
  expect(text).not.toContain(username.slice(0, 9));
});

// Mutation: #refuse() logs before it looks whether the client is there.
it('a client that goes away while its port is tried is no fault in the log', async () => {
  const id = await create();
  const [gone, waits] = [await uriOf(id, 4321), await uriOf(id, 4321)];
  const socket = await dial(server().url, connectTo(`${gone.username}@${gone.host}`));
  socket.destroy();
  // A port where nobody listens is tried for a second: this one is refused after that one was given up.
  expect((await speak(server().url, connectTo(`${waits.username}@${waits.host}`))).statuses).toEqual([502]);
  expect(server().log.filter((line) => line.includes('a tunnel failed'))).toEqual([]);
});
