import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Answer, Request } from '../e2b/proxy/exchange.ts';

/**
 * Takes what is left of a request that is answered before it has all come, and throws it away: who sends first and reads then
 * would not see its answer otherwise. Who has not ended by then, or sends by drops, is cut off. HTTP/2 has a word for it, and
 * node:http2 says it.
 */
export function lingerAfter(request: Request, response: Answer, ms: number): void {
  if (!(response instanceof ServerResponse) || request.complete) return;
  // Before node:http's own listener, which closes the connection behind its last answer.
  response.prependOnceListener('finish', () => {
    if (!request.complete) drain(request as IncomingMessage, ms);
  });
}

function drain(request: IncomingMessage, ms: number): void {
  const { socket } = request;
  let isLast = false;
  // Of a request with `Connection: close` this comes now, and would break off what the client still sends.
  socket.destroySoon = () => {
    isLast = true;
    socket.end();
  };
  const timer = setTimeout(() => socket.destroy(), ms);
  const stop = (): void => {
    clearTimeout(timer);
    // A connection that goes on may have any number of such requests.
    request.off('end', stop);
    socket.off('close', stop);
    Reflect.deleteProperty(socket, 'destroySoon');
    if (isLast) socket.destroySoon();
  };
  request.once('end', stop);
  socket.once('close', stop);
  request.unpipe();
  request.resume();
}
