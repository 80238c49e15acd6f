import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { keyNameOf } from '../../serve/require-key.ts';
import type { TcpHandler } from '../../serve/tcp-listener.ts';
import { BoxError, toBoxError } from '../box-error.ts';
import type { BoxliteContext } from '../boxlite-context.ts';
import type { BoxExecution } from '../executions/box-execution.ts';
import type { Claim } from '../executions/claim.ts';
import { withoutPrefix } from '../path-prefix.ts';
import { AttachSession } from './attach-session.ts';

const target = /^\/v1\/boxes\/([^/?]+)\/executions\/([^/?]+)\/attach(?:\?.*)?$/;
const route = '/v1/boxes/:id/executions/:execution/attach';
/** A client sends what its user writes at a time as one message. */
const maxMessageBytes = 16 * 2 ** 20;
/** A client that does not read why it was refused is not waited for longer. */
const refusalMs = 2000;

/** GET /v1/boxes/:id/executions/:execution/attach, as a WebSocket: from there on the connection carries one execution. */
export function createAttach(context: BoxliteContext): Pick<TcpHandler, 'upgrades' | 'upgrade'> {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    // Whoever asks for them takes them, or is cut off.
    autoPong: false,
    maxPayload: maxMessageBytes,
  });
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    let claim: Claim | null = null;
    let session: AttachSession | null = null;
    try {
      const attached = find(context, request);
      // Before it is answered: of two only one is told that it has it.
      claim = attached.claim();
      if (claim === null) throw new BoxError('invalid_state', `execution "${attached.id}" has a client attached`);
      server.handleUpgrade(request, socket, head, (opened) => {
        session = new AttachSession(opened, attached);
        claim?.open(session);
      });
    } catch (error) {
      refuse(context, socket, error);
    }
    // A handshake that is none was answered by the server itself.
    if (session === null) claim?.[Symbol.dispose]();
    else void follow(context, session, claim);
  };
  return {
    upgrades: ({ url = '', headers }) =>
      headers.upgrade?.toLowerCase() === 'websocket' && target.test(withoutPrefix(url)),
    upgrade,
  };
}

async function follow(context: BoxliteContext, session: AttachSession, claim: Claim | null): Promise<void> {
  count(context, 101);
  await session.run(context);
  claim?.[Symbol.dispose]();
}

/** How long a stream lasts says nothing of how fast this server answers. */
function count({ metrics }: BoxliteContext, status: number): void {
  metrics.answered({ api: 'control', method: 'GET', route, status, seconds: 0 });
}

/** Throws unauthenticated, not_found. */
function find({ keys, boxes, executions, closing }: BoxliteContext, request: IncomingMessage): BoxExecution {
  keyNameOf(keys, request);
  if (closing.aborted) throw new BoxError('engine_unavailable', 'the server ends; the execution goes on');
  const [, box = '', execution = ''] = target.exec(withoutPrefix(request.url ?? '')) ?? [];
  return executions.of(boxes.require(decode(box))).find(decode(execution));
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new BoxError('invalid_argument', 'the path cannot be decoded');
  }
}

function refuse(context: BoxliteContext, socket: Duplex, error: unknown): void {
  const told = toBoxError(error);
  if (told.code === 'internal') context.logger.error({ err: error, route }, 'a request failed');
  const json = JSON.stringify(told.body);
  const head = `HTTP/1.1 ${told.status} ${STATUS_CODES[told.status]}\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8`;
  const more = told.status === 401 ? '\r\nWWW-Authenticate: Bearer' : '';
  socket.end(`${head}${more}\r\nContent-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`);
  // Until it has gone out, however little is read of it.
  socket.resume();
  setTimeout(() => socket.destroy(), refusalMs).unref();
  count(context, told.status);
}
