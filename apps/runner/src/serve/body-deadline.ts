import { constants } from 'node:http2';
import type { Request } from '../e2b/proxy/exchange.ts';

/**
 * Breaks the connection (of HTTP/2 the stream) off when a body has not come in time, whether somebody reads it or not. Node has one time for all
 * requests of a port, and an upload to a sandbox may take hours.
 */
export function limitBodyTime(request: Request, ms: number): void {
  if (request.complete) return;
  const timer = setTimeout(() => {
    if ('stream' in request) request.stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    else request.destroy();
  }, ms);
  const stop = (): void => clearTimeout(timer);
  request.once('end', stop);
  request.once('close', stop);
}
