import type { Duplex } from 'node:stream';
import type { HostedSandbox } from '../hosted/hosted-sandbox.ts';
import { dial } from './dial.ts';
import { DialingAgent } from './dialing-agent.ts';
import { speakTls } from './speak-tls.ts';

/** What waits on one port for the next request. */
const maxIdle = 16;
/** A server that closes idle connections sooner says so in Keep-Alive, or its end of it is seen. */
const idleMs = 15_000;

/** What is open between clients and the servers of one sandbox, from one of its lifecycles or pauses to the next. */
export class SandboxConnections {
  /** Connections are used again. */
  readonly kept: DialingAgent;
  /** Each request has one of its own. */
  readonly fresh: DialingAgent;
  readonly #hosted: HostedSandbox;
  readonly #sockets = new Set<Duplex>();
  readonly #over = new AbortController();
  #exchanges = 0;

  constructor(hosted: HostedSandbox) {
    this.#hosted = hosted;
    const connect = (port: number, gone: AbortSignal): Promise<Duplex> => this.#connect(port, gone);
    this.kept = new DialingAgent(connect, { keepAlive: true, maxFreeSockets: maxIdle, timeout: idleMs });
    this.fresh = new DialingAgent(connect, { keepAlive: false });
  }

  /** Fires when the sandbox no longer runs. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Requests and upgraded connections that are open now. */
  get exchanges(): number {
    return this.#exchanges;
  }

  /** One more, until what is returned is disposed of. */
  enter(): Disposable {
    this.#exchanges += 1;
    let isIn = true;
    return {
      [Symbol.dispose]: () => {
        if (isIn) this.#exchanges -= 1;
        isIn = false;
      },
    };
  }

  /** The sandbox is paused, stopped or gone: nothing comes any more over what is open. */
  end(): void {
    this.#over.abort(new Error('the sandbox no longer runs'));
    this.kept.destroy();
    this.fresh.destroy();
    // Upgraded ones are no agent's any more.
    for (const socket of this.#sockets) socket.destroy();
  }

  async #connect(port: number, gone: AbortSignal): Promise<Duplex> {
    const { sandbox, details } = this.#hosted;
    const signal = AbortSignal.any([gone, this.#over.signal]);
    const socket = await dial(sandbox, port, signal);
    // Nobody reads what is idle: a server's end of it must close it, or the next request would be sent to nobody.
    socket.allowHalfOpen = false;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return details.httpsPorts.includes(port) ? await speakTls(socket, signal) : socket;
  }
}
