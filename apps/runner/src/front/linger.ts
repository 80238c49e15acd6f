import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Answer, Request } from '../e2b/proxy/exchange.ts';

/**
 * Takes what is left of a request that is answered before it has all come, and throws it away: who sends first and reads then
 * would not see its answer otherwise. Who has not ended by then, or sends by drops, is cut off. HTTP/2 has a word for it, and
 * node:http2 says it.
 */
export function lingerAfter(request: Request, response: Answer, ms: number): void {
  if (!(response instanceof ServerResponse) || request.complete) return;
  response.once('finish', () => {
    if (!request.complete) drain(request as IncomingMessage, ms);
  });
}

function drain(request: IncomingMessage, ms: number): void {
  const { socket } = request;
  const timer = setTimeout(() => socket.destroy(), ms);
  const stop = (): void => clearTimeout(timer);
  request.once('end', stop);
  socket.once('close', stop);
  request.unpipe();
  request.resume();
}
