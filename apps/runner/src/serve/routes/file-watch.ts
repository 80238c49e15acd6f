import type { FileChange } from '@hatchery/runtime';
import type { FastifyInstance } from 'fastify';
import { requireSandbox, type ServeContext } from '../context.ts';
import { type FileRoute, requirePath } from '../file-query.ts';
import { sendStream } from '../send-stream.ts';

/**
 * GET /v1/sandboxes/:id/files/watch: what changes at a path, a JSON object a line, from the headers on; `recursive=1`: and
 * below it. Ends with the sandbox's run; a client that is too slow gets an `overflow`.
 */
export function addFileWatch(app: FastifyInstance, context: ServeContext): void {
  app.get<FileRoute>('/v1/sandboxes/:id/files/watch', async ({ params, query }, reply) => {
    const { files } = requireSandbox(context, params.id);
    const over = new AbortController();
    const watch = files.watch(requirePath(query), { recursive: query['recursive'] === '1', signal: over.signal });
    reply.raw.once('close', () => over.abort());
    // What refuses it is an answer with its own status.
    await watch.ready;
    await sendStream(reply, 'application/x-ndjson', context, (signal) => {
      signal.addEventListener('abort', () => over.abort(), { once: true });
      return linesOf(watch);
    });
  });
}

async function* linesOf(watch: AsyncIterable<FileChange>): AsyncGenerator<string> {
  for await (const change of watch) yield `${JSON.stringify(change)}\n`;
}
