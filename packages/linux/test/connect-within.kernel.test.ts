import { closeSync, openSync, readlinkSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { closeFd, connectWithin, openPidfd, registeredFds, releaseFd } from '../src/index.ts';
import { inhabitNetwork, type NetworkInhabitant } from './network-inhabitant.ts';
import { openDescriptors } from './open-descriptors.ts';

const hello = `
const { createServer } = require('node:net');
const greet = (socket) => socket.on('error', () => {}).end('inside');
createServer(greet).listen(8001, '127.0.0.1', () => createServer(greet).listen(8002, '::1', () => console.log('listening')));
`;
const notRoot = process.getuid?.() === 0 ? null : 'needs root, to make a network namespace';
const ownNamespace = (): string => readlinkSync('/proc/thread-self/ns/net');

let inhabitant: NetworkInhabitant;
let pidfd = -1;
beforeAll(async () => {
  if (notRoot !== null) return;
  inhabitant = await inhabitNetwork(hello);
  pidfd = openPidfd(inhabitant.pid);
});
afterAll(async () => {
  if (notRoot !== null) return;
  closeFd(pidfd);
  await inhabitant.end();
  expect(registeredFds()).toEqual([]);
});
beforeEach((context) => {
  if (notRoot !== null) context.skip(notRoot);
});
afterEach(() => {
  if (notRoot === null) expect(registeredFds()).toEqual([pidfd]);
});

async function told(address: string, port: number): Promise<string> {
  const fd = await connectWithin({ pidfd, address, port });
  return await text(new Socket({ fd: releaseFd(fd), readable: true, writable: true }));
}

// Mutation: no setns before socket(): ECONNREFUSED, or the host's own server answers. No setns back: the last line.
test.each([
  ['127.0.0.1', 8001],
  ['::1', 8002],
])(
  'a server at %s port %d of another network namespace is reached, and this thread stays in its own',
  async (...server) => {
    const before = ownNamespace();
    const host = createServer((socket) => socket.end('the host'));
    await new Promise<void>((resolve) => host.listen(server[1], server[0], resolve));
    expect(await told(...server)).toBe('inside');
    host.close();
    expect(ownNamespace()).toBe(before);
    expect(ownNamespace()).not.toBe(readlinkSync(`/proc/${inhabitant.pid}/ns/net`));
  },
);

// Mutation, in turn: no closeFd in settle; requireConnected left out (it resolves).
test.each([
  ['nobody listens', '127.0.0.1', 8003, 'ECONNREFUSED'],
  ['there is no way', '192.0.2.1', 8001, 'ENETUNREACH'],
  ['the address is none', 'localhost', 8001, 'EINVAL'],
])('where %s it is refused and no descriptor stays', async (_what, address, port, code) => {
  const before = openDescriptors();
  const expected = { name: 'LinuxError', code, syscall: 'connect' };
  await expect(connectWithin({ pidfd, address, port })).rejects.toMatchObject(expected);
  expect(openDescriptors()).toEqual(before);
  expect(ownNamespace()).not.toBe(readlinkSync(`/proc/${inhabitant.pid}/ns/net`));
});

test.each([0, 65_536, 1.5, -1])('port %d is refused by its type', async (port) => {
  await expect(connectWithin({ pidfd, address: '127.0.0.1', port })).rejects.toBeInstanceOf(TypeError);
});

// Mutation: `settle` is no listener of the signal: the second one resolves.
test('one that was given up rejects with the signal’s reason, before and after it began, and leaves no descriptor', async () => {
  const before = openDescriptors();
  const server = { pidfd, address: '127.0.0.1', port: 8001 };
  await expect(connectWithin(server, AbortSignal.abort(new Error('no more')))).rejects.toThrow('no more');
  const abort = new AbortController();
  const connecting = connectWithin(server, abort.signal);
  abort.abort(new Error('no more now'));
  await expect(connecting).rejects.toThrow('no more now');
  expect(openDescriptors()).toEqual(before);
});

test('the namespace of a process that has ended is ESRCH, and what is no pidfd is EINVAL', async () => {
  const other = await inhabitNetwork('console.log(1); setInterval(() => {}, 1000)');
  const dead = openPidfd(other.pid);
  await other.end();
  const server = { address: '127.0.0.1', port: 8001 };
  await expect(connectWithin({ ...server, pidfd: dead })).rejects.toMatchObject({ code: 'ESRCH', syscall: 'setns' });
  closeFd(dead);
  const file = openSync('/dev/null', 'r');
  await expect(connectWithin({ ...server, pidfd: file })).rejects.toMatchObject({ code: 'EINVAL', syscall: 'setns' });
  closeSync(file);
});
