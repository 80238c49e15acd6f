import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Sandbox } from 'e2b';

/** What a hostile client is given: a sandbox of its own, and a key that is good. */
export interface HostileScope {
  readonly url: string;
  readonly key: string;
  readonly sandbox: Sandbox;
  readonly dice: () => number;
}

/** How long it holds on to what it has begun. */
const holdMs = 1500;

const acts = {
  /** Goes away in the middle of a request, at any byte of it. */
  async abort(scope: HostileScope): Promise<void> {
    const body = JSON.stringify({ templateID: 'base', timeout: 30 });
    const request = post('/v2/sandboxes', `X-API-KEY: ${scope.key}\r\nContent-Type: application/json\r\n`, body);
    await send(scope, request.slice(0, Math.floor(scope.dice() * request.length)), 0);
  },
  /** Asks for a large file and reads nothing of it. */
  async slowReader(scope: HostileScope): Promise<void> {
    await scope.sandbox.commands.run('test -e large || head -c 33554432 /dev/zero > large');
    await send(scope, `GET /files?path=large HTTP/1.1\r\nHost: x\r\n${envdHeaders(scope)}\r\n`, holdMs);
  },
  /** Starts a command that talks without end and reads nothing of it. */
  async deafStream(scope: HostileScope): Promise<void> {
    await send(scope, startOf('yes', scope), holdMs);
    await scope.sandbox.commands.run('pkill -x yes || true');
  },
  /** Sends half a header, and no more. */
  async halfOpen(scope: HostileScope): Promise<void> {
    await send(scope, 'GET /v2/sandboxes HTTP/1.1\r\nHost: x\r\nX-API-', holdMs);
  },
  /** Announces more than it sends. */
  async shortBody(scope: HostileScope): Promise<void> {
    const head = `POST /files?path=short HTTP/1.1\r\nHost: x\r\n${envdHeaders(scope)}Content-Type: application/octet-stream\r\nContent-Length: 1000000\r\n\r\n`;
    await send(scope, `${head}only this`, holdMs);
  },
  /** Is no HTTP at all. */
  async noise(scope: HostileScope): Promise<void> {
    const bytes = Array.from({ length: 2000 }, () => String.fromCharCode(Math.floor(scope.dice() * 256))).join('');
    await send(scope, bytes, 100);
  },
  /** A command whose client is gone before it has begun. */
  async leaveAtOnce(scope: HostileScope): Promise<void> {
    await send(scope, startOf('true', scope), 0);
  },
};

export const hostileActs: readonly (keyof typeof acts)[] = Object.keys(acts) as (keyof typeof acts)[];

/** Does one of them. What the server does about it, refusal or silence, is its own business. */
export async function actHostile(name: keyof typeof acts, scope: HostileScope): Promise<void> {
  await acts[name](scope);
}

/** Writes it, holds on without reading, and breaks the connection off. */
async function send({ url }: HostileScope, text: string, holdsMs: number): Promise<void> {
  const socket = await dial(new URL(url));
  socket.pause();
  socket.write(text, 'latin1');
  await wait(holdsMs);
  socket.resetAndDestroy();
}

async function dial({ hostname, port }: URL): Promise<Socket> {
  const socket = connect({ host: hostname, port: Number(port) });
  // That the server breaks it off first is as good.
  socket.on('error', () => {});
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
  return socket;
}

function envdHeaders({ sandbox }: HostileScope): string {
  const { envdAccessToken = '' } = sandbox as unknown as { envdAccessToken?: string };
  return `E2b-Sandbox-Id: ${sandbox.sandboxId}\r\nE2b-Sandbox-Port: 49983\r\nX-Access-Token: ${envdAccessToken}\r\n`;
}

function post(path: string, headers: string, body: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** A Start of the Connect protocol: an envelope of five bytes, then JSON. */
function startOf(command: string, scope: HostileScope): string {
  const message = JSON.stringify({ process: { cmd: '/bin/bash', args: ['-l', '-c', command] }, stdin: false });
  const length = Buffer.alloc(5);
  length.writeUInt32BE(Buffer.byteLength(message), 1);
  const headers = `${envdHeaders(scope)}Content-Type: application/connect+json\r\nConnect-Protocol-Version: 1\r\n`;
  return post('/process.Process/Start', headers, length.toString('latin1') + message);
}
