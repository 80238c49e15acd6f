import type { IncomingMessage } from 'node:http';
import type { CodeRequest } from './run-code.ts';

/** A request that is answered with a status of its own. */
export class RequestError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const maxBodyBytes = 64 * 1024;

/** Reads and checks a request's body. @throws RequestError */
export async function readRequest(request: IncomingMessage): Promise<CodeRequest> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBodyBytes) throw new RequestError(413, `a program may have ${maxBodyBytes} bytes`);
    chunks.push(chunk);
  }
  let body: unknown;
  try {
    body = JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new RequestError(400, 'the body must be JSON');
  }
  if (typeof body !== 'object' || body === null) throw new RequestError(400, 'the body must be an object');
  const { language, code } = body as Record<string, unknown>;
  if (language !== 'python' && language !== 'shell')
    throw new RequestError(400, '"language" must be "python" or "shell"');
  if (typeof code !== 'string') throw new RequestError(400, '"code" must be a string');
  return { language, code };
}
