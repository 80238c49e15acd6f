import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { createEnvd, type Envd } from '../e2b/envd/create-envd.ts';
import { createProxy, type Proxy } from '../e2b/proxy/create-proxy.ts';
import { createFront } from '../front/create-front.ts';
import { countProxied } from './count-proxied.ts';
import { type ControlContext, createControl } from './create-control.ts';
import { resolveAddress } from './resolve-address.ts';
import type { ServeSettings } from './settings/serve-settings.ts';
import { TcpListener } from './tcp-listener.ts';

/** Requests and upgraded connections to the ports of one sandbox at once. */
const maxProxied = 1000;

interface Parts {
  readonly control: FastifyInstance;
  readonly envd: Envd;
  readonly proxy: Proxy;
}

/** What is offered over TCP, from its first request to its last. */
export class TcpServer {
  readonly #parts: Parts;
  readonly #listener: TcpListener;

  private constructor(parts: Parts, listener: TcpListener) {
    this.#parts = parts;
    this.#listener = listener;
  }

  /** Resolves when it answers; null: the settings want no port. Throws ERR_SERVER_ADDRESS. */
  static async start(shared: Omit<ControlContext, 'domain'>, settings: ServeSettings): Promise<TcpServer | null> {
    const { host, port, insecureHttp, maxConnections, runDirectory } = settings;
    if (port === null) return null;
    const address = await resolveAddress(host, { isSafe: insecureHttp });
    // Nobody asks before the port is known.
    let domain = settings.domain ?? 'localhost';
    const { runtime, hosted, logger, metrics, closing } = shared;
    const control = createControl({ ...shared, domain: () => domain });
    const envd = createEnvd({ hosted, logger, metrics, closing, stateDirectory: join(runDirectory, 'e2b') });
    const proxy = countProxied(metrics, createProxy({ runtime, hosted, logger, maxConnections: maxProxied }));
    await control.ready();
    const front = createFront({
      control,
      envd,
      proxy,
      hosted,
      get domain() {
        return domain;
      },
      findBySignature: () => undefined,
    });
    const listener = await TcpListener.listen({ host: address, port, maxConnections }, front);
    if (settings.domain === null) domain = `localhost:${new URL(listener.url).port}`;
    return new TcpServer({ control, envd, proxy }, listener);
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
    const { control, envd, proxy } = this.#parts;
    await this.#listener.end(graceMs);
    proxy.close();
    await Promise.all([control.close(), envd.close()]);
  }
}
