import {
  createServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import type { Socket } from 'node:net';

const limits = {
  settings: {
    maxConcurrentStreams: 128,
    maxHeaderListSize: 16 * 1024,
    enablePush: false,
    enableConnectProtocol: false,
  },
  // A few more than the hundred that a request may have: those with a colon.
  maxHeaderListPairs: 108,
  maxSettings: 16,
  maxOutstandingPings: 10,
  maxSessionInvalidFrames: 50,
  maxSessionRejectedStreams: 50,
  // Megabytes of one session, its unread bodies included.
  maxSessionMemory: 16,
  // Who opens streams to reset them at once has as many in a burst, and then as many a second, before the session ends.
  streamResetBurst: 200,
  streamResetRate: 33,
};

/** Connections that speak HTTP/2. */
export class Http2Sessions {
  readonly #server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #firstMs: number;
  readonly #idleMs: number;

  /**
   * @param times.firstMs until the first request is complete
   * @param times.idleMs without a request, the session ends
   */
  constructor(
    onRequest: (request: Http2ServerRequest, response: Http2ServerResponse) => void,
    times: { firstMs: number; idleMs: number },
  ) {
    this.#firstMs = times.firstMs;
    this.#idleMs = times.idleMs;
    this.#server = createServer(limits, onRequest);
    this.#server.on('session', (session) => this.#follow(session));
    // Whoever breaks the protocol, or a limit, is cut off; that is all there is to it.
    this.#server.on('sessionError', () => {});
  }

  /** The socket speaks it from its next byte on. */
  take(socket: Socket): void {
    this.#server.emit('connection', socket);
  }

  /** No more requests; those that are there are answered. */
  beginEnd(): void {
    for (const session of this.#sessions) session.close();
  }

  #follow(session: ServerHttp2Session): void {
    let open = 0;
    this.#sessions.add(session);
    const first = setTimeout(() => session.destroy(), this.#firstMs);
    session.on('stream', (stream) => {
      clearTimeout(first);
      open += 1;
      // A client that resets it is told by its end.
      stream.on('error', () => {});
      stream.once('close', () => {
        open -= 1;
      });
    });
    session.setTimeout(this.#idleMs, () => {
      if (open === 0) session.close();
    });
    session.once('close', () => {
      clearTimeout(first);
      this.#sessions.delete(session);
    });
  }
}
