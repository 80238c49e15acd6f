import type { IncomingMessage } from 'node:http';

/**
 * Breaks the connection off when a body has not come in time, whether somebody reads it or not. Node has one time for all
 * requests of a port, and an upload to a sandbox may take hours.
 */
export function limitBodyTime(request: IncomingMessage, ms: number): void {
  if (request.complete) return;
  const timer = setTimeout(() => request.destroy(), ms);
  const stop = (): void => clearTimeout(timer);
  request.once('end', stop);
  request.once('close', stop);
}
