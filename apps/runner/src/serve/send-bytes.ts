import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { ServeContext } from './context.ts';
import { pipeToClient } from './send-stream.ts';

/**
 * Answers with what a stream brings, as fast as the client reads. What fails before the first byte is an answer of its
 * own; later the connection breaks, and the client sees that it is not all.
 */
export async function sendBytes(
  reply: FastifyReply,
  contentType: string,
  { logger }: Pick<ServeContext, 'logger'>,
  stream: Readable,
): Promise<void> {
  await once(stream, 'readable');
  reply.hijack();
  reply.raw.writeHead(200, { 'content-type': contentType });
  await pipeToClient(stream, reply.raw, logger);
}
