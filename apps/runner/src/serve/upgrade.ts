import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { execProtocol } from '../wire/frame.ts';
import { requireSandbox, type ServeContext } from './context.ts';
import { ServeError, toErrorResponse } from './error-response.ts';
import { ExecSession } from './exec-session.ts';

const route = /^\/v1\/sandboxes\/([^/]+)\/exec$/;

/** Whether a request asks for what `upgrade` does; any other token is ignored, as RFC 9110 (7.8) has it. */
export function isExecUpgrade({ headers, method }: IncomingMessage): boolean {
  return headers.upgrade === execProtocol && method === 'GET';
}

/** GET /v1/sandboxes/:id/exec: from here on the connection carries one attached execution. */
export function upgrade(context: ServeContext, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  // A client that goes away is told by the end; the error that comes with it says nothing more.
  socket.on('error', () => {});
  try {
    const [, id] = route.exec(request.url ?? '') ?? [];
    if (id === undefined)
      throw new ServeError('ERR_ROUTE_NOT_FOUND', `${execProtocol} is spoken at /v1/sandboxes/:id/exec only`);
    if (context.closing.aborted) throw new ServeError('ERR_INTERNAL', 'the server ends');
    const session = new ExecSession(socket, requireSandbox(context, id), context);
    context.sessions.add(session);
    socket.write(`HTTP/1.1 101 ${STATUS_CODES[101]}\r\nConnection: Upgrade\r\nUpgrade: ${execProtocol}\r\n\r\n`);
    void session.run(head).then(() => context.sessions.delete(session));
  } catch (error) {
    refuse(socket, error);
  }
}

function refuse(socket: Duplex, error: unknown): void {
  const { status, body } = toErrorResponse(error);
  const json = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`,
  );
}
