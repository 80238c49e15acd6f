import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { EnvdError } from '../e2b/envd/envd-error.ts';
import type { HostedSandbox } from '../e2b/hosted/hosted-sandbox.ts';
import type { HostedSandboxes } from '../e2b/hosted/hosted-sandboxes.ts';
import { requireHosted } from '../e2b/proxy/awake.ts';
import type { Proxy } from '../e2b/proxy/create-proxy.ts';
import type { Answer, Request } from '../e2b/proxy/exchange.ts';
import { Refusal } from '../e2b/proxy/refusal.ts';
import { sendRefusal } from '../e2b/proxy/send-refusal.ts';
import type { TcpHandler } from '../serve/tcp-listener.ts';
import { type Destination, destinationOf } from './destination.ts';
import { sendError, sendRedirect } from './short-answers.ts';
import { bySignature, signedQuery } from './signed-file.ts';

/** Who answers what comes over the one port. */
export interface FrontParts {
  /** The control API. */
  readonly control: { routing(request: Request, answer: Answer): void };
  /** What of it is answered with another protocol. */
  readonly attach: Pick<TcpHandler, 'upgrades' | 'upgrade'>;
  readonly envd: { handle(request: Request, answer: Answer, hosted: HostedSandbox): void };
  readonly proxy: Proxy;
  /** Who asks to CONNECT shows where to. */
  readonly tunnels: { connect(request: IncomingMessage, socket: Duplex, head: Buffer): void };
  readonly hosted: HostedSandboxes;
  /** What the names of sandboxes end in, with or without a port. */
  readonly domain: string;
}

/** Where envd is, of every sandbox. */
const envdPort = 49_983;

/** Hands each request to who is to answer it. */
export function createFront(parts: FrontParts): TcpHandler {
  return {
    request: (request, answer) => dispatch(parts, request, answer),
    upgrades: (request) => isUpgrade(request) && canUpgrade(parts, request),
    upgrade: (request, socket, head) => upgrade(parts, request, socket, head),
    connect: (request, socket, head) => parts.tunnels.connect(request, socket, head),
  };
}

function dispatch(parts: FrontParts, request: Request, answer: Answer): void {
  const found = destination(parts, request);
  if (found.to === 'nowhere') sendError(answer, 400, found.message);
  else if (found.to === 'redirect') sendRedirect(answer, found.location);
  else if (found.to === 'control') controlOrFile(parts, request, answer);
  else if (found.port === envdPort) envd(parts, request, answer, found);
  else parts.proxy.request(request, answer, found);
}

function controlOrFile(parts: FrontParts, request: Request, answer: Answer): void {
  const query = signedQuery(request.url);
  if (query === null) {
    parts.control.routing(request, answer);
    return;
  }
  const whose = bySignature(parts.hosted, query, request.socket.remoteAddress ?? '');
  if (whose instanceof EnvdError) sendError(answer, whose.status, whose.message);
  else parts.envd.handle(request, answer, whose);
}

function envd(
  parts: FrontParts,
  request: Request,
  answer: Answer,
  { sandboxId, url }: Destination & { to: 'sandbox' },
): void {
  try {
    const hosted = requireHosted(parts.hosted, sandboxId);
    request.url = url;
    parts.envd.handle(request, answer, hosted);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    sendRefusal(request, answer, error);
  }
}

function upgrade(parts: FrontParts, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const found = destination(parts, request);
  if (found.to === 'sandbox') parts.proxy.upgrade(request, socket, head, found);
  else if (found.to === 'control') parts.attach.upgrade(request, socket, head);
  else socket.destroy();
}

function destination({ domain }: FrontParts, { headers, url = '' }: Request): Destination {
  const host = one(headers[':authority']) ?? headers.host ?? '';
  const asked = { host, url, sandboxId: one(headers['e2b-sandbox-id']), sandboxPort: one(headers['e2b-sandbox-port']) };
  return destinationOf(asked, domain);
}

/** A request for another protocol is one without a body; anything else is answered as if it had not asked. */
function isUpgrade({ method, headers }: IncomingMessage): boolean {
  const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  return method === 'GET' && headers.upgrade !== undefined && !hasBody;
}

function canUpgrade(parts: FrontParts, request: IncomingMessage): boolean {
  const found = destination(parts, request);
  if (found.to === 'control') return parts.attach.upgrades(request);
  return found.to === 'sandbox' && found.port !== envdPort;
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}
