import type { RuntimeEvent } from '@hatchery/runtime';
import type { FastifyInstance } from 'fastify';
import type { ServeContext } from '../context.ts';
import { sendStream } from '../send-stream.ts';

/** GET /v1/events: what happens to sandboxes from now on, a JSON object a line; a client that is too slow gets a `gap`. */
export function addEvents(app: FastifyInstance, context: ServeContext): void {
  app.get('/v1/events', async (_request, reply) => {
    await sendStream(reply, 'application/x-ndjson', context, (signal) => linesOf(context.runtime.events({ signal })));
  });
}

async function* linesOf(events: AsyncIterable<RuntimeEvent>): AsyncGenerator<string> {
  for await (const event of events) yield `${JSON.stringify(event)}\n`;
}
