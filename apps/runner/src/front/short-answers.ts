import { type Answer, writeHead } from '../e2b/proxy/exchange.ts';

/** As the control API and envd tell errors. */
export function sendError(answer: Answer, status: number, message: string): void {
  const body = JSON.stringify({ code: status, message });
  writeHead(answer, status, {
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
