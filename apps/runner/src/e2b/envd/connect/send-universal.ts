import type { ServerResponse } from 'node:http';
import type { UniversalServerResponse } from '@connectrpc/connect/protocol';
import { breakOff } from './break-off.ts';

/**
 * Writes an answer as fast as the client takes it: the next piece is asked for when the kernel has the one before. When the
 * client goes away the messages are ended, also while they wait for it; connect-node's own would wait for ever there. An
 * answer that fails half-way breaks the connection.
 */
export async function sendUniversal(answer: UniversalServerResponse, response: ServerResponse): Promise<void> {
  let isGone = response.destroyed;
  let goOn = (): void => {};
  const onClose = (): void => {
    isGone = true;
    goOn();
  };
  // Who goes away is told by the close; the error that comes with it says nothing more.
  response.once('close', onClose).on('error', () => {});
  const chunks = answer.body?.[Symbol.asyncIterator]();
  try {
    if (isGone) return;
    response.writeHead(answer.status, Object.fromEntries(answer.header ?? []));
    for (let next = await chunks?.next(); next?.done === false; next = await chunks?.next()) {
      const { value } = next;
      await new Promise<void>((resolve) => {
        goOn = resolve;
        response.write(value, () => resolve());
      });
      if (isGone) return;
    }
    response.end();
  } catch {
    breakOff(response);
  } finally {
    response.off('close', onClose);
    await chunks?.return?.();
  }
}
