import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** For a request to upgrade that is answered as any other: refused, or by a server that will not. The connection ends with it. */
export function upgradedAnswer(request: IncomingMessage, socket: Duplex): ServerResponse {
  // A client that goes away is told by the end; the error that comes with it says nothing more.
  socket.on('error', () => {});
  watchForEnd(socket);
  const answer = new ServerResponse(request);
  answer.shouldKeepAlive = false;
  answer.assignSocket(socket as Socket);
  answer.once('finish', () => {
    answer.detachSocket(socket as Socket);
    socket.end();
  });
  return answer;
}

/** What a client says before it is answered waits in the socket; that it goes away is seen only by who reads. */
function watchForEnd(socket: Duplex): void {
  const look = (): void => {
    if (socket.readableLength === 0) socket.read(0);
  };
  const onEnd = (): void => void socket.destroy();
  socket.on('readable', look).once('end', onEnd);
  stops.set(socket, () => socket.off('readable', look).off('end', onEnd));
}

const stops = new WeakMap<Duplex, () => void>();

/** From here on the socket is somebody else's to read. */
export function stopWatching(socket: Duplex): void {
  stops.get(socket)?.();
}
