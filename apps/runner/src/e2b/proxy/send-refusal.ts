import { STATUS_CODES } from 'node:http';
import { type Answer, type Request, writeHead } from './exchange.ts';
import type { Refusal } from './refusal.ts';

/** Answers in place of the sandbox: with a page if a browser is to show it, with JSON otherwise. */
export function sendRefusal(request: Request, answer: Answer, refusal: Refusal): void {
  if (answer.headersSent || answer.destroyed) {
    // What has been sent is not all there was: nothing but a broken connection says that.
    answer.destroy();
    return;
  }
  const isPage = isNavigation(request);
  const content = isPage ? pageOf(refusal) : JSON.stringify(refusal.body);
  writeHead(answer, refusal.status, {
    'content-type': isPage ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(content),
    'cache-control': 'no-store',
    // A client in a page asks for another origin's, and is to be told why it gets nothing.
    'access-control-allow-origin': '*',
    ...(refusal.status === 429 ? { 'retry-after': '1' } : {}),
  });
  answer.end(content);
}

/** What comes is what a person will see. Browsers say so themselves; older ones by what they accept. */
function isNavigation({ method, headers }: Request): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  const mode = headers['sec-fetch-mode'];
  return mode === undefined ? headers.accept?.startsWith('text/html') === true : mode === 'navigate';
}

/** Nothing in it needs escaping but the message: ids and ports are letters and digits. */
function pageOf({ status, message, sandboxId, port }: Refusal): string {
  const heading = `${status} ${STATUS_CODES[status]}`;
  const about = port === null ? sandboxId : `${sandboxId}, port ${port}`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${heading}</title>
<style>body { font: 1rem/1.5 system-ui, sans-serif; margin: 4rem auto; max-width: 36rem; padding: 0 1rem }</style>
<h1>${heading}</h1>
<p>${escape(message)}.</p>
<p>Sandbox <code>${escape(about)}</code></p>
</html>
`;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
