import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { CliError } from '../cli-error.ts';
import { whyRefused } from './check-request.ts';

/** Until a request's headers are complete, of a new connection, too. */
const headersMs = 10_000;
/** Longer than clients and load balancers keep an idle connection: they close it, and lose no request to our closing it. */
const idleMs = 75_000;

/** Answers what comes over the port. */
export interface TcpHandler {
  request(request: IncomingMessage, response: ServerResponse): void;
  /** Whether a request that asks for another protocol goes to `upgrade`; otherwise what it asks for is ignored (RFC 9110, 7.8). */
  upgrades(request: IncomingMessage): boolean;
  /** The socket is the handler's from now on. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** Where to listen. */
export interface TcpPlace {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** One more is closed at once. */
  readonly maxConnections: number;
}

/** One TCP port, from its first connection to its last. */
export class TcpListener {
  readonly #server: Server;
  readonly #handler: TcpHandler;
  readonly #sockets = new Set<Socket>();
  /** Connections on which a request is being answered. */
  readonly #answering = new WeakSet<Socket>();
  #isEnding = false;
  #closed: Promise<void> | null = null;

  private constructor(handler: TcpHandler, maxConnections: number) {
    this.#handler = handler;
    this.#server = createServer({
      headersTimeout: headersMs,
      // A body may take as long as its route allows.
      requestTimeout: 0,
      keepAliveTimeout: idleMs,
      connectionsCheckingInterval: 1000,
      noDelay: true,
      shouldUpgradeCallback: (request) => this.#whyRefused(request) === null && handler.upgrades(request),
    });
    this.#server.maxConnections = maxConnections;
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('request', (request, response) => this.#onRequest(request, response));
    this.#server.on('upgrade', (request, socket, head) => {
      socket.on('error', () => {});
      handler.upgrade(request, socket, head);
    });
  }

  /** Resolves when it takes connections. Throws ERR_SERVER_ADDRESS. */
  static async listen({ host, port, maxConnections }: TcpPlace, handler: TcpHandler): Promise<TcpListener> {
    const listener = new TcpListener(handler, maxConnections);
    await new Promise<void>((resolve, reject) => {
      const onError = (cause: Error): void => {
        const text = `nobody can listen at ${host} port ${port}: ${cause.message}; choose another --port (0: any, none: no TCP) or --host`;
        reject(new CliError('ERR_SERVER_ADDRESS', text));
      };
      listener.#server.once('error', onError);
      listener.#server.listen({ host, port }, () => {
        listener.#server.off('error', onError);
        resolve();
      });
    });
    return listener;
  }

  /** Where clients reach it. */
  get url(): string {
    const { address, family, port } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** From now on nobody can connect, and a request on a connection that is there is told so; what is in flight goes on. */
  beginEnd(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    // Resolves when the last connection is gone; idle ones go at once.
    this.#closed = new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** Resolves when nobody is connected any more: after `graceMs` whoever is left is cut off. */
  async end(graceMs: number): Promise<void> {
    this.beginEnd();
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, graceMs);
    await this.#closed;
    clearTimeout(timer);
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const why = this.#whyRefused(request);
    this.#answering.add(socket);
    // A client that breaks off is no fault of ours; the response closes with it.
    request.on('error', () => {});
    response.on('error', () => {});
    response.once('close', () => {
      this.#answering.delete(socket);
      if (this.#isEnding) this.#server.closeIdleConnections();
    });
    if (why !== null) refuse(response, 400, why);
    else if (this.#isEnding) refuse(response, 503, 'the server ends; try again');
    else this.#handler.request(request, response);
  }

  #whyRefused(request: IncomingMessage): string | null {
    // Clients have no need of it, and it would pass by every bound that is counted in connections.
    if (this.#answering.has(request.socket)) return 'send the next request when this one is answered';
    return whyRefused(request);
  }
}

/** Answers, and closes the connection then: what follows on it was not meant for us. */
function refuse(response: ServerResponse, status: number, message: string): void {
  const body = JSON.stringify({ code: status, message: `${STATUS_CODES[status]}: ${message}` });
  response.writeHead(status, {
    connection: 'close',
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}
