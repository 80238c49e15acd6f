import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { UniversalServerResponse } from '@connectrpc/connect/protocol';

/**
 * Writes an answer as fast as the client takes it. When the client goes away the messages are ended, also while they wait
 * for it: connect-node's own would wait for ever there. An answer that fails half-way breaks the connection.
 */
export async function sendUniversal(answer: UniversalServerResponse, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  const onClose = (): void => gone.abort();
  // Who goes away is told by the close; the error that comes with it says nothing more.
  response.once('close', onClose).on('error', () => {});
  const chunks = answer.body?.[Symbol.asyncIterator]();
  try {
    if (response.closed) return;
    response.writeHead(answer.status, Object.fromEntries(answer.header ?? []));
    for (let next = await chunks?.next(); next?.done === false; next = await chunks?.next()) {
      if (gone.signal.aborted) return;
      if (!response.write(next.value)) await once(response, 'drain', { signal: gone.signal });
    }
    response.end();
  } catch (error) {
    response.destroy(error instanceof Error ? error : undefined);
  } finally {
    response.off('close', onClose);
    await chunks?.return?.();
  }
}
