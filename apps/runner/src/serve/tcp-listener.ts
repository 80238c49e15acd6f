import { createServer, type IncomingMessage, type Server, ServerResponse, STATUS_CODES } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { CliError } from '../cli-error.ts';
import { type Answer, type Request, writeHead } from '../e2b/proxy/exchange.ts';
import { Http2Sessions } from '../front/http2-sessions.ts';
import { lingerAfter } from '../front/linger.ts';
import { peekProtocol } from '../front/peek-protocol.ts';
import type { TlsIdentity } from '../front/tls-identity.ts';
import { whyHeadRefused, whyRefused } from './check-request.ts';

/** Until a request's headers are complete, of a new connection, too. */
const headersMs = 10_000;
/** Longer than clients and load balancers keep an idle connection: they close it, and lose no request to our closing it. */
const idleMs = 75_000;

/** For the rest of a request that has been answered already. */
const lingerMs = 10_000;
/** Of a connection on which nothing came: whether its client is there still. */
const keepAliveMs = 30_000;

/** Answers what comes over the port. */
export interface TcpHandler {
  request(request: Request, response: Answer): void;
  /** Whether a request that asks for another protocol goes to `upgrade`; otherwise what it asks for is ignored (RFC 9110, 7.8). */
  upgrades(request: IncomingMessage): boolean;
  /** The socket is the handler's from now on. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** A CONNECT, whose target is no path. The socket is the handler's from now on. */
  connect(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** Where to listen. */
export interface TcpPlace {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** One more is closed at once. */
  readonly maxConnections: number;
  /** null: without TLS. */
  readonly tls: TlsIdentity | null;
}

/** One TCP port, from its first connection to its last. It speaks HTTP/1.1 and HTTP/2, with TLS or without. */
export class TcpListener {
  readonly #server: Server;
  readonly #handler: TcpHandler;
  readonly #scheme: string;
  readonly #http2: Http2Sessions;
  readonly #sockets = new Set<Socket>();
  /** Nobody knows yet what they speak. */
  readonly #undecided = new Set<Socket>();
  /** Of connections of HTTP/1.1: what is being answered on them. */
  readonly #answers = new WeakMap<Socket, ServerResponse>();
  /** Those on which the next request is there already. */
  readonly #waiting = new WeakSet<Socket>();
  #isEnding = false;
  #closed: Promise<void> | null = null;

  private constructor(handler: TcpHandler, { maxConnections, tls }: TcpPlace) {
    this.#handler = handler;
    const options = {
      headersTimeout: headersMs,
      // A body may take as long as its route allows.
      requestTimeout: 0,
      keepAliveTimeout: idleMs,
      connectionsCheckingInterval: 1000,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveMs,
      shouldUpgradeCallback: (request: IncomingMessage) =>
        !this.#answers.has(request.socket) && whyRefused(request) === null && handler.upgrades(request),
    };
    const alpn = { ALPNProtocols: ['h2', 'http/1.1'], handshakeTimeout: headersMs };
    this.#server = tls === null ? createServer(options) : createTlsServer({ ...options, ...tls, ...alpn });
    this.#scheme = tls === null ? 'http' : 'https';
    this.#http2 = new Http2Sessions((request, response) => this.#onRequest(request, response), {
      firstMs: headersMs,
      idleMs,
    });
    this.#server.maxConnections = maxConnections;
    this.#serveBoth(tls === null ? 'connection' : 'secureConnection');
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('request', (request, response) => this.#onRequest(request, response));
    this.#server.on('upgrade', (request, socket, head) => {
      socket.on('error', () => {});
      handler.upgrade(request, socket, head);
    });
    this.#server.on('connect', (request, socket, head) => this.#onConnect(request, socket as Socket, head));
  }

  /** What a connection of the server speaks decides who gets it: with TLS it is negotiated, without it its first bytes tell. */
  #serveBoth(event: 'connection' | 'secureConnection'): void {
    const [serveHttp1] = this.#server.listeners(event);
    if (serveHttp1 === undefined) throw new Error(`node:http listens for no ${event}`);
    this.#server.removeAllListeners(event);
    const take = (socket: Socket, isHttp2: boolean): void => {
      if (isHttp2) this.#http2.take(socket);
      else serveHttp1.call(this.#server, socket);
    };
    this.#server.on(event, (socket: Socket & { alpnProtocol?: string | false }) => {
      // Until somebody else listens; and whoever resets a connection is told by its end.
      socket.on('error', () => {});
      if (event === 'secureConnection') take(socket, socket.alpnProtocol === 'h2');
      else this.#peek(socket, take);
    });
  }

  #peek(socket: Socket, take: (socket: Socket, isHttp2: boolean) => void): void {
    this.#undecided.add(socket);
    socket.once('close', () => this.#undecided.delete(socket));
    peekProtocol(socket, headersMs, (isHttp2) => {
      this.#undecided.delete(socket);
      take(socket, isHttp2);
      if (!isHttp2) socket.resume();
    });
  }

  /** Resolves when it takes connections. Throws ERR_SERVER_ADDRESS. */
  static async listen(place: TcpPlace, handler: TcpHandler): Promise<TcpListener> {
    const { host, port } = place;
    const listener = new TcpListener(handler, place);
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
    return `${this.#scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
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
    this.#http2.beginEnd();
    for (const socket of this.#undecided) socket.destroy();
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

  #onConnect(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', () => {});
    // While another request is answered it was sent too early, and once the end has begun too late.
    if (this.#answers.has(socket) || this.#isEnding || whyHeadRefused(request) !== null) socket.destroy();
    else this.#handler.connect(request, socket, head);
  }

  #onRequest(request: Request, response: Answer): void {
    // A client that breaks off is no fault of ours; the response closes with it.
    request.on('error', () => {});
    response.on('error', () => {});
    if (!(response instanceof ServerResponse)) this.#answer(request, response);
    else this.#inTurn(request as IncomingMessage, response);
  }

  /**
   * One request at a time: more would pass by every bound that is counted in connections. A client may have all of an
   * answer before its end is known here, so its next request may come too early, and waits. Whoever sends two means it.
   */
  #inTurn(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const before = this.#answers.get(socket);
    if (before === undefined) {
      this.#answers.set(socket, response);
      response.once('close', () => this.#answers.delete(socket));
      this.#answer(request, response);
    } else if (this.#waiting.has(socket) || this.#handler.upgrades(request))
      refuse(response, 400, 'send the next request when this one is answered');
    else {
      this.#waiting.add(socket);
      before.once('close', () => {
        this.#waiting.delete(socket);
        if (!socket.destroyed) this.#inTurn(request, response);
      });
    }
  }

  #answer(request: Request, response: Answer): void {
    const why = whyRefused(request);
    response.once('close', () => {
      if (this.#isEnding) this.#server.closeIdleConnections();
    });
    lingerAfter(request, response, lingerMs);
    if (why !== null) refuse(response, 400, why);
    else if (this.#isEnding) refuse(response, 503, 'the server ends; try again');
    else this.#handler.request(request, response);
  }
}

/** Answers, and closes the connection then: what follows on it was not meant for us. Of HTTP/2 it was one request only. */
function refuse(response: Answer, status: number, message: string): void {
  const body = JSON.stringify({ code: status, message: `${STATUS_CODES[status]}: ${message}` });
  writeHead(response, status, {
    ...(response instanceof ServerResponse ? { connection: 'close' } : {}),
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}
