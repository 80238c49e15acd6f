import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Execution, Sandbox, SandboxSpec } from '@hatchery/runtime';
import { afterAll, beforeAll } from 'vitest';
import type { HostedDetails } from '../../src/e2b/hosted/hosted-details.ts';
import type { HostedSandbox } from '../../src/e2b/hosted/hosted-sandbox.ts';
import { createProxy, type Proxy } from '../../src/e2b/proxy/create-proxy.ts';
import { createFront } from '../../src/front/create-front.ts';
import { developmentCertificate } from '../../src/front/development-certificate.ts';
import { TcpListener } from '../../src/serve/tcp-listener.ts';
import { hostedSpec, type UsedHosted, useHosted } from './hosted.ts';

/** What sandboxes' names end in here. */
export const domain = 'sbx.test:3000';

export interface Asked {
  method?: string;
  path?: string;
  headers?: OutgoingHttpHeaders | string[];
  body?: string | Buffer;
  signal?: AbortSignal;
}

/** What the web server of these tests tells of a request, or a refusal. */
export interface Told {
  method: string;
  path: string;
  headers: [name: string, value: string][];
  length: number;
  sha256: string;
  /** The port of who connected to it. */
  client: number;
  sandboxId: string;
  message: string;
  port: number;
  code: number;
}

export interface Answered {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
  /** The body as JSON. */
  readonly json: Told;
}

export interface UsedProxied extends UsedHosted {
  readonly port: number;
  /** Connections to the port that are open now. */
  readonly connections: number;
  make(details?: Partial<HostedDetails>, spec?: SandboxSpec): Promise<HostedSandbox>;
  /** The answer's head; its body is for the caller. */
  open(asked: Asked): Promise<IncomingMessage>;
  ask(asked: Asked): Promise<Answered>;
}

/** The port of a server with all that is hosted behind it, for the tests of one file. */
export function useProxied(options: { maxConnections?: number } = {}): UsedProxied {
  const used = useHosted();
  let listener: TcpListener | null = null;
  let proxy: Proxy | null = null;
  const closing = new AbortController();
  beforeAll(async () => {
    const { runtime, hosted } = used;
    const logger = { debug() {}, info() {}, warn() {}, error: (...about: unknown[]) => console.error(...about) };
    proxy = createProxy({
      runtime,
      hosted,
      logger,
      closing: closing.signal,
      maxConnections: options.maxConnections ?? 64,
    });
    const front = createFront({
      attach: { upgrades: () => false, upgrade: () => {} },
      // Who would answer is told by its name.
      control: { routing: (_request, answer) => void answer.end('control') },
      envd: { handle: (_request, answer, { id }) => void answer.end(`envd of ${id}`) },
      proxy,
      tunnels: { connect: (_request, socket) => void socket.end('tunnels') },
      hosted,
      domain,
    });
    listener = await TcpListener.listen({ host: '127.0.0.1', port: 0, maxConnections: 256, tls: null }, front);
  });
  afterAll(async () => {
    closing.abort();
    await listener?.end(0);
    proxy?.close();
  });
  const need = (): TcpListener => {
    if (listener === null) throw new Error('the listener is there only while the tests run');
    return listener;
  };
  const open = async ({ method = 'GET', path = '/', headers = {}, body, signal }: Asked): Promise<IncomingMessage> => {
    const { port } = new URL(need().url);
    const target = { host: '127.0.0.1', port, method, path, headers, agent: false, ...(signal ? { signal } : {}) };
    const request = httpRequest(target);
    request.end(body);
    const [message] = (await once(request, 'response')) as [IncomingMessage];
    // Whoever reads the body is told.
    request.on('error', () => {});
    return message;
  };
  return {
    get runtime() {
      return used.runtime;
    },
    get hosted() {
      return used.hosted;
    },
    get directory() {
      return used.directory;
    },
    reopen: () => used.reopen(),
    get port() {
      return Number(new URL(need().url).port);
    },
    get connections() {
      return need().connections;
    },
    make: (details = {}, spec = {}) => used.hosted.create(hostedSpec(details, spec), {}),
    open,
    async ask(asked) {
      const message = await open(asked);
      const body = await buffer(message);
      return {
        status: message.statusCode ?? 0,
        headers: message.headers,
        body,
        get json() {
          return JSON.parse(body.toString()) as Told;
        },
      };
    },
  };
}

/** The headers by which a port of a sandbox is asked for at an address of no name. */
export function routing({ id }: HostedSandbox, port: number): OutgoingHttpHeaders {
  return { 'E2b-Sandbox-Id': id, 'E2b-Sandbox-Port': port };
}

/** The web server of these tests, listening inside. */
export function startWeb(sandbox: Sandbox, port: number, address = '127.0.0.1'): Promise<Execution> {
  return startPython(sandbox, 'web-server.py', [address, String(port)]);
}

/** The same, over TLS with a certificate that nobody knows. */
export async function startSecureWeb(sandbox: Sandbox, port: number, directory: string): Promise<Execution> {
  const { cert, key } = await developmentCertificate(directory, ['nobody.test']);
  await sandbox.files.write('/tmp/identity.pem', `${cert}${key}`);
  return await startPython(sandbox, 'web-server.py', ['127.0.0.1', String(port), '/tmp/identity.pem']);
}

/** A server inside that answers with what it is asked to, valid or not. */
export function startRaw(sandbox: Sandbox, port: number): Promise<Execution> {
  return startPython(sandbox, 'raw-server.py', [String(port)]);
}

async function startPython(sandbox: Sandbox, program: string, args: string[]): Promise<Execution> {
  const text = readFileSync(join(import.meta.dirname, 'programs', program), 'utf8');
  const server = await sandbox.exec(['python3', '-c', text, ...args]);
  server.stderr.on('data', (bytes: Buffer) => process.stderr.write(bytes));
  await once(server.stdout, 'data');
  return server;
}
