import type { FastifyInstance } from 'fastify';
import { type ControlContext, createControl } from './create-control.ts';
import { resolveAddress } from './resolve-address.ts';
import type { ServeSettings } from './settings/serve-settings.ts';
import { TcpListener } from './tcp-listener.ts';

/** What is offered over TCP, from its first request to its last. */
export class TcpServer {
  readonly #control: FastifyInstance;
  readonly #listener: TcpListener;

  private constructor(control: FastifyInstance, listener: TcpListener) {
    this.#control = control;
    this.#listener = listener;
  }

  /** Resolves when it answers; null: the settings want no port. Throws ERR_SERVER_ADDRESS. */
  static async start(context: Omit<ControlContext, 'domain'>, settings: ServeSettings): Promise<TcpServer | null> {
    const { host, port, domain, insecureHttp, maxConnections } = settings;
    if (port === null) return null;
    const address = await resolveAddress(host, { isSafe: insecureHttp });
    // Nobody asks before the port is known.
    const served: { port: string } = { port: '' };
    const control = createControl({ ...context, domain: () => domain ?? `localhost:${served.port}` });
    await control.ready();
    const listener = await TcpListener.listen(
      { host: address, port, maxConnections },
      {
        request: (request, response) => control.routing(request, response),
        upgrades: () => false,
        upgrade: (_request, socket) => socket.destroy(),
      },
    );
    served.port = new URL(listener.url).port;
    return new TcpServer(control, listener);
  }

  get url(): string {
    return this.#listener.url;
  }

  /** From now on nobody new is answered. */
  beginEnd(): void {
    this.#listener.beginEnd();
  }

  /** Resolves when nobody is connected any more; who is still there after `graceMs` is cut off. */
  async end(graceMs: number): Promise<void> {
    await this.#listener.end(graceMs);
    await this.#control.close();
  }
}
