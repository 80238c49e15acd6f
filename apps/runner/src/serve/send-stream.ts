import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyReply } from 'fastify';
import type { ServeContext } from './context.ts';

/** Why a stream ends early: its reader has gone, or the server ends. Neither is anybody's fault. */
const expected = new Set([
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
  'EPIPE',
  'ECONNRESET',
  'ABORT_ERR',
  'ERR_ABORTED',
]);

/**
 * Answers with what `produce` yields, as it comes and only as fast as the client reads. The headers leave at once, so
 * that a client knows that it is being told from now on. `signal` fires when the client has gone or the server ends.
 */
export async function sendStream(
  reply: FastifyReply,
  contentType: string,
  { closing, logger }: Pick<ServeContext, 'closing' | 'logger'>,
  produce: (signal: AbortSignal) => AsyncIterable<string | Buffer>,
): Promise<void> {
  reply.hijack();
  const response = reply.raw;
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  // Before the headers: what happens from here on is told.
  const source = produce(AbortSignal.any([gone.signal, closing]));
  response.writeHead(200, { 'content-type': contentType });
  response.flushHeaders();
  await pipeToClient(Readable.from(source), response, logger);
}

/** Never rejects: what there is to tell, the client sees or the log has. */
export async function pipeToClient(
  source: Readable,
  response: ServerResponse,
  logger: ServeContext['logger'],
): Promise<void> {
  try {
    await pipeline(source, response);
  } catch (error) {
    // Whatever was sent, without its last chunk the client sees that it is not all.
    response.destroy();
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (!expected.has(code)) logger.error({ err: error }, 'a stream to a client failed');
  }
}
