import type { Readable } from 'node:stream';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Budget } from '../../../hosted/budget.ts';

/** How long a client may take. */
export interface ReadLimits {
  /** For all of it; null: it is a stream, which may go on. */
  readonly totalMs: number | null;
  /** From one piece to the next. */
  readonly idleMs: number;
  /** What is held of it at a time, at most. */
  readonly maxBytes: number;
}

/**
 * The body of a request, within what its sandbox may make this server hold and within its time. The protocol collects a
 * message before anybody looks at it: so much counts as held from its first byte on until it is over. Throws ConnectError.
 */
export async function* readRequest(
  body: Readable,
  budget: Budget,
  { totalMs, idleMs, maxBytes }: ReadLimits,
): AsyncGenerator<Uint8Array> {
  // To be destroyed it would take its connection along, and what is to be answered.
  const source: AsyncIterator<Buffer> = body.iterator({ destroyOnReturn: false });
  const until = totalMs === null ? Number.POSITIVE_INFINITY : performance.now() + totalMs;
  let held = 0;
  try {
    for (;;) {
      const next = await within(Math.min(idleMs, until - performance.now()), source.next());
      if (next.done === true) return;
      const more = Math.min(next.value.length, maxBytes - held);
      if (!budget.take(more))
        throw new ConnectError(
          `requests of this sandbox that are being read hold ${budget.maxBytes} bytes; send fewer at a time`,
          Code.ResourceExhausted,
        );
      held += more;
      yield next.value;
    }
  } finally {
    budget.give(held);
    // What still comes of a request that is refused is thrown away, or the next one on its connection would never be read.
    void source.return?.()?.then(
      () => body.resume(),
      () => {},
    );
  }
}

/** Rejects when it has not settled by then. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new ConnectError('the request did not come in time', Code.DeadlineExceeded)),
    ms,
  );
  promise.catch(() => {});
  return await Promise.race([promise, late.promise]).finally(() => clearTimeout(timer));
}
