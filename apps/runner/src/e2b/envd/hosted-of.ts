import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { HostedSandbox } from '../hosted/hosted-sandbox.ts';

const sandboxes = new WeakMap<IncomingMessage | Http2ServerRequest, HostedSandbox>();

/** Says which sandbox a request is for, before envd sees it. */
export function setHosted(request: IncomingMessage | Http2ServerRequest, hosted: HostedSandbox): void {
  sandboxes.set(request, hosted);
}

/** The sandbox that a request is for; of Fastify's request it is `request.raw`. */
export function hostedOf(request: IncomingMessage | Http2ServerRequest): HostedSandbox {
  const hosted = sandboxes.get(request);
  if (hosted === undefined) throw new Error('a request reached envd without a sandbox');
  return hosted;
}
