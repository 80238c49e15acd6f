import { type IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';

/** A request as it came, by either version of HTTP. */
export type Request = IncomingMessage | Http2ServerRequest;

/** Its answer. */
export type Answer = ServerResponse | Http2ServerResponse;

/** One port of one sandbox, and how it was asked for. */
export interface Target {
  readonly sandboxId: string;
  readonly port: number;
  /** What is asked for, as the sandbox's server sees it. */
  readonly url: string;
  /** What stood before it; empty unless the sandbox was named by the path. */
  readonly prefix: string;
}

/** `writeHead` of either version: their types have nothing in common that can be called. */
export function writeHead(answer: Answer, status: number, headers: OutgoingHttpHeaders): void {
  if (answer instanceof ServerResponse) answer.writeHead(status, headers);
  else answer.writeHead(status, headers);
}
