import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Runtime } from '@hatchery/runtime';
import { RequestError, readRequest } from './read-request.ts';
import { runCode } from './run-code.ts';

export interface ServerOptions {
  /** Programs at once; one more visitor is asked to come again. */
  readonly maxRunning: number;
  readonly timeoutMs: number;
}

/** A web server that runs what is sent to `POST /run`. The runtime is the caller's, to open and to close. */
export function createSandboxServer(runtime: Runtime, { maxRunning, timeoutMs }: ServerOptions): Server {
  let running = 0;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<object> {
    if (request.url !== '/run') throw new RequestError(404, 'there is POST /run and nothing else');
    if (request.method !== 'POST') throw new RequestError(405, 'send the program with POST');
    const code = await readRequest(request);
    if (running >= maxRunning) throw new RequestError(503, `${maxRunning} programs are running; come again`);
    // A visitor who has gone needs no answer: his program ends with its sandbox.
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    running += 1;
    try {
      return await runCode(runtime, code, { timeoutMs, signal: gone.signal });
    } finally {
      running -= 1;
    }
  }

  return createServer((request, response) => {
    answer(request, response).then(
      (result) => send(response, 200, result),
      (error: unknown) => {
        if (error instanceof RequestError) return send(response, error.status, { error: error.message });
        // The visitor has gone, and his sandbox with him.
        if (response.destroyed) return;
        const { code } = error as { code?: string };
        if (code === 'ERR_OUTPUT_TOO_LARGE') return send(response, 422, { error: 'the program wrote more than 1 MiB' });
        // What is wrong with this machine is for its log.
        console.error(error);
        send(response, 500, { error: code ?? 'ERR_UNKNOWN' });
      },
    );
  });
}

function send(response: ServerResponse, status: number, body: object): void {
  // What has not been read of the request is not read any more.
  if (status === 413) response.setHeader('connection', 'close');
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}
