import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { stopWatching } from './upgraded-answer.ts';

/** A client that is to be joined with a server inside. */
export interface Joined {
  /** The client's, as `upgradedAnswer()` made it, with nothing said yet. */
  readonly answer: ServerResponse;
  /** What came behind the client's headers. */
  readonly head: Buffer;
  readonly server: { readonly socket: Duplex; readonly head: Buffer };
  /** What the client is told first, in latin1. */
  readonly opening: string;
  /** Ends both. */
  readonly signal: AbortSignal;
}

/** From here on nobody looks at what goes by. Resolves when both directions have ended. */
export async function joinSockets({ answer, head, server, opening, signal }: Joined): Promise<void> {
  const client = answer.socket;
  if (!client) {
    server.socket.destroy();
    return;
  }
  answer.detachSocket(client);
  stopWatching(client);
  client.write(opening, 'latin1');
  if (head.length > 0) client.unshift(head);
  if (server.head.length > 0) server.socket.unshift(server.head);
  // One that fails destroys both.
  await Promise.allSettled([pipeline(client, server.socket, { signal }), pipeline(server.socket, client, { signal })]);
}
