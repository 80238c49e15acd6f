import { type Answer, writeHead } from '../e2b/proxy/exchange.ts';

/** To a request that can be understood and leads nowhere. */
export function sendBadRequest(answer: Answer, message: string): void {
  const body = JSON.stringify({ code: 400, message });
  writeHead(answer, 400, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  answer.end(body);
}

/** For every method: what was sent is to be sent again there. */
export function sendRedirect(answer: Answer, location: string): void {
  writeHead(answer, 308, { location, 'content-length': 0 });
  answer.end();
}
