import type { Socket } from 'node:net';

/** How HTTP/2 begins where nothing was negotiated (RFC 9113, 3.4); no request of HTTP/1.1 can. */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/**
 * Calls back with what a connection speaks once its first bytes tell, which are in the socket still. One that says
 * nothing for `ms`, or ends before, is closed.
 */
export function peekProtocol(socket: Socket, ms: number, onTold: (isHttp2: boolean) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), ms);
  const stop = (): void => {
    clearTimeout(timer);
    socket.off('data', onData);
    socket.off('end', onEnd);
    socket.off('close', stop);
  };
  const onEnd = (): void => {
    stop();
    socket.destroy();
  };
  const onData = (chunk: Buffer): void => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const isBeginning = preface.subarray(0, seen.length).equals(seen.subarray(0, preface.length));
    if (isBeginning && seen.length < preface.length) return;
    stop();
    // What is put back must find the socket at rest, or it would be handed to nobody.
    socket.pause();
    socket.unshift(seen);
    onTold(isBeginning);
  };
  socket.on('data', onData);
  socket.once('end', onEnd);
  socket.once('close', stop);
}
