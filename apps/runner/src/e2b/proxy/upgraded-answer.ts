import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** For a request to upgrade that is answered as any other: refused, or by a server that will not. The connection ends with it. */
export function upgradedAnswer(request: IncomingMessage, socket: Duplex): ServerResponse {
  // A client that goes away is told by the end; the error that comes with it says nothing more.
  socket.on('error', () => {});
  const answer = new ServerResponse(request);
  answer.shouldKeepAlive = false;
  answer.assignSocket(socket as Socket);
  answer.once('finish', () => {
    answer.detachSocket(socket as Socket);
    socket.end();
  });
  return answer;
}
