import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { createAttach } from '../boxlite/attach/create-attach.ts';
import { openBoxlite } from '../boxlite/open-boxlite.ts';
import { Tunnels } from '../boxlite/tunnel/tunnels.ts';
import { createEnvd, type Envd } from '../e2b/envd/create-envd.ts';
import { createProxy, type Proxy } from '../e2b/proxy/create-proxy.ts';
import { createFront, type FrontParts } from '../front/create-front.ts';
import { loadTls } from '../front/load-tls.ts';
import type { TlsIdentity } from '../front/tls-identity.ts';
import { countProxied } from './count-proxied.ts';
import { type ControlContext, createControl } from './create-control.ts';
import { resolveAddress } from './resolve-address.ts';
import type { ServeSettings } from './settings/serve-settings.ts';
import { TcpListener } from './tcp-listener.ts';

/** Where it listens, and as whom. */
interface ServerPlace {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** null: without TLS. */
  readonly tls: TlsIdentity | null;
}

interface Parts {
  readonly control: FastifyInstance;
  readonly envd: Envd;
  readonly proxy: Proxy;
}

/** What is offered over TCP, from its first request to its last. */
export class TcpServer {
  readonly #parts: Parts;
  readonly #listener: TcpListener;
  /** The certificate that clients have to be told to trust, if there is one. */
  readonly trustPath: string | null;

  private constructor(parts: Parts, listener: TcpListener, trustPath: string | null) {
    this.trustPath = trustPath;
    this.#parts = parts;
    this.#listener = listener;
  }

  /** What the settings say of where it listens, and as whom; null: they want no port. Throws ERR_SERVER_ADDRESS, ERR_SERVER_TLS. */
  static async findPlace(settings: ServeSettings): Promise<ServerPlace | null> {
    const { host, port, insecureHttp, tlsDev } = settings;
    if (port === null) return null;
    // A wildcard for names of two labels, as *.localhost, is no client's to trust.
    const name = settings.domain ?? (tlsDev ? 'sbx.localhost' : 'localhost');
    const tls = await loadTls(settings, name);
    return { name, tls, port, host: await resolveAddress(host, { isSafe: insecureHttp || tls !== null }) };
  }

  /** Resolves when it answers; what an earlier server has left it looks at before it waits for anything. Throws ERR_SERVER_ADDRESS. */
  static async start(
    shared: Omit<ControlContext, 'domain' | 'boxes' | 'executions' | 'counters' | 'tickets'>,
    settings: ServeSettings,
    place: ServerPlace | null,
  ): Promise<TcpServer | null> {
    if (place === null) return null;
    const { maxConnections, maxSandboxConnections, runDirectory } = settings;
    const { name, tls, host, port } = place;
    // Nobody asks before the port is known.
    let domain = name;
    const { runtime, hosted, logger, metrics, closing } = shared;
    const boxlite = { ...shared, ...openBoxlite(shared) };
    const control = createControl({ ...boxlite, domain: () => domain });
    const attach = createAttach(boxlite);
    const tunnels = new Tunnels({ ...boxlite, maxConnections: maxSandboxConnections });
    const envd = createEnvd({ hosted, logger, metrics, closing, stateDirectory: join(runDirectory, 'e2b') });
    const served = { runtime, hosted, logger, closing, maxConnections: maxSandboxConnections };
    const proxy = countProxied(metrics, createProxy(served));
    await control.ready();
    const front = createFront({ control: routed(control), attach, envd, proxy, tunnels, hosted, domain: name });
    const listener = await TcpListener.listen({ host, port, maxConnections, tls }, front);
    if (settings.domain === null) domain = `${name}:${new URL(listener.url).port}`;
    return new TcpServer({ control, envd, proxy }, listener, tls?.trustPath ?? null);
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

/** Fastify's own type knows HTTP/1.1 only; what it uses of either is the same. */
function routed(control: FastifyInstance): FrontParts['control'] {
  return { routing: (request, answer) => control.routing(request as IncomingMessage, answer as ServerResponse) };
}
