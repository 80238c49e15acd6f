import type { Execution, OutputEvent } from '@hatchery/runtime';
import type { FastifyInstance } from 'fastify';
import { encodeFrame, piecesOf } from '../../wire/frame.ts';
import type { ServeContext } from '../context.ts';
import { requireExecution } from '../require-execution.ts';
import { sendStream } from '../send-stream.ts';

interface Route {
  Params: { id: string; execution: string };
  Querystring: { follow?: string };
}

/**
 * GET /v1/sandboxes/:id/executions/:execution/output: what is kept of its output, as frames, and the exit when it has
 * ended. With `follow=1` on to the exit; a client that is too slow gets gaps and the program never waits.
 */
export function addExecutionOutput(app: FastifyInstance, context: ServeContext): void {
  app.get<Route>('/v1/sandboxes/:id/executions/:execution/output', async ({ params, query }, reply) => {
    const execution = requireExecution(context, params.id, params.execution);
    await sendStream(reply, 'application/vnd.hatchery.frames', context, (signal) =>
      framesOf(query.follow === '1' ? execution.attach({ signal }) : untilQuiet(execution, signal)),
    );
  });
}

async function* framesOf(events: AsyncIterable<OutputEvent>): AsyncGenerator<Buffer> {
  for await (const event of events) {
    if (event.type === 'exit') yield encodeFrame('exit', event.status);
    else if (event.type === 'gap')
      yield encodeFrame('gap', { stream: event.stream, offset: event.offset, bytes: event.bytes });
    else for (const piece of piecesOf(event.data)) yield encodeFrame(event.stream, piece);
  }
}

/** What is kept is yielded without waiting for anything: an event that has not come after a turn of the loop is new. */
async function* untilQuiet(execution: Execution, signal: AbortSignal): AsyncGenerator<OutputEvent> {
  const quiet = new AbortController();
  const events = execution.attach({ signal: AbortSignal.any([signal, quiet.signal]) });
  try {
    for (;;) {
      const next = events.next();
      const inTime = Promise.race([next, new Promise<null>((resolve) => setImmediate(resolve, null))]);
      if ((await inTime) === null) quiet.abort();
      // One that came in this very turn belongs to what is there; otherwise the abort has rejected it.
      const result = quiet.signal.aborted ? await next.catch(() => null) : await next;
      if (result === null || result.done === true) return;
      yield result.value;
    }
  } finally {
    await events.return?.();
  }
}
